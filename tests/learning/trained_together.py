"""One of several processes of a training, as `torchrun` would start it; run by `test_distributed`."""

from __future__ import annotations

import hashlib
import json
import os

import numpy as np

from mtrec_django.learning.distributed import together
from mtrec_django.learning.pretrain import fit
from tests.learning.worlds import QUICK, tastes


def main() -> None:
    with together() as here:
        world = tastes(second=True)
        if os.environ["DIFFERENT"] and here.rank:
            world = world.with_events(world.events[:-1])
        try:
            trained = fit(world, settings=QUICK, seed=3)
        except ValueError as error:
            print(json.dumps({"error": type(error).__name__}))  # noqa: T201
            return
    told = {model: trained.report["metrics"]["home"][model]["ndcg@10"] for model in ("network", "ours")}
    told["norm"] = float(np.linalg.norm(trained.vectors, axis=1).mean())
    weights = hashlib.sha256(trained.residual.tobytes()).hexdigest()
    print(json.dumps({**told, "weights": weights}))  # noqa: T201


if __name__ == "__main__":
    main()
