"""What is trained. Needs torch: the extra `[train]`, on workers only.

    from mtrec_django.learning.pretrain import fit
    from mtrec_django.learning.transfer import transfer
    from mtrec_django.learning.artifacts import load_trained, rebuild_trained, save_trained
    from mtrec_django.learning.placing import item_vectors

    trained = fit(dataset, seed=0, progress=progress, warm_start=live_or_none, encoder=encoder.name)
    trained.artifact            Artifact, kind "base": `to_bytes()` goes to the database and to every process
    trained.item_ids, .vectors  rows of the index: float32 [items, 64], unit length
    trained.neighbours          .others int32 [items, 100] positions, -1 where fewer; .weights float32
    trained.priors              float32 [goals, items], log prior of every scenario in the order of dataset.goals
    trained.report              JSON: decision {publish, reason, margins}, metrics, margins, epochs, seconds, removed …
    trained.blend("home")       the scenario's `inference.blend.Blend`; also in artifact.config["blends"]

    artifact_bytes, state_bytes = save_trained(trained)      trained = load_trained(artifact_bytes, state_bytes)

    child = transfer(trained, dataset, "basket", progress=progress)
    child.artifact, child.prior [items], child.blend, child.publish, child.report["decision"]["reason"]

    QueryEncoder.from_artifacts(trained.artifact, child.artifact)      # in the web process
    item_vectors(trained, new_items, trained_items)                    # items that came after the training

`progress(step, done, total)` is called at least once a second and may raise to cancel. Events of `Dataset` are sorted
by visitor and time. `Goal.in_session` tells a basket or product page (asks in the midst of a visit) from a home page.
"""

from __future__ import annotations

import os

# Threads of torch that spin while they wait take the cores from whatever else the machine does: beside one busy process
# training was nine times slower. Read when torch is first imported, so it stands here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
