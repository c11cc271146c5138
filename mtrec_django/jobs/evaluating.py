"""What `mtrec_evaluate` does: the learner beside the baselines, on the site's events or on a dataset folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..conf import get_config
from ..dataset import Floats
from ..dataset_folder import read_folder
from ..learning.cleaning import clean
from ..learning.comparison import Plan, compare
from ..representation.encoders import load_encoder
from .arrays import read_dataset
from .encoding import encode_items
from .running import Progress
from .training import settings_of_site


def evaluate_site(plan: Plan, progress: Progress) -> dict[str, Any]:
    """On everything that is in the database; nothing of what is live is touched.

    Raises:
        LookupError: when there is no such scenario.
    """
    encode_items(progress)
    progress("reading events", 0, 0)
    cleaned = clean(read_dataset())
    report = compare(cleaned.dataset, plan, settings=settings_of_site(), progress=progress)
    return {"source": "database", "removed": cleaned.removed} | report


def evaluate_folder(path: Path, plan: Plan, progress: Progress) -> dict[str, Any]:
    """On a folder as `mtrec_import` reads it; the database is not asked.

    Raises:
        LookupError: when the folder has no such scenario.
        OSError, EOFError, ValueError: when a file is missing or broken.
    """
    encoder = load_encoder(get_config().ENCODER)

    def encode(texts: Sequence[str]) -> Floats:
        return encoder.encode(texts, on_batch=lambda done, total: progress("encoding texts", done, total))

    progress("reading the folder", 0, 0)
    folder = read_folder(path, encode=encode)
    cleaned = clean(folder.dataset)
    given = None if folder.split is None else folder.split[cleaned.kept]
    report = compare(cleaned.dataset, plan, given=given, settings=settings_of_site(), progress=progress)
    problems = {cause: count for cause, count in (folder.problems | cleaned.removed).items() if count}
    return {"source": str(path), "removed": problems} | report
