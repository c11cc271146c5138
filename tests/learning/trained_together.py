"""One of several processes of a training, as `torchrun` would start it; run by `test_distributed`.

The environment says what happens: DIFFERENT data in the second process; a KEEPER's file for checkpoints, as the first
process has one; the training KILLED before its third epoch has ended.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from mtrec_django.learning.distributed import together
from mtrec_django.learning.pretrain import fit
from tests.learning.worlds import QUICK, tastes


class InFile:
    """A keeper."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def read(self) -> bytes | None:
        return self.path.read_bytes() if self.path.exists() else None

    def write(self, data: bytes) -> None:
        self.path.write_bytes(data)


class Watch:
    """Sees where the training begins, and may end it before its third epoch has ended."""

    def __init__(self) -> None:
        self.first: float | None = None

    def __call__(self, step: str, done: int, total: int) -> None:
        if step != "train":
            return
        epoch = 1 + QUICK.epochs * done // total
        self.first = self.first or epoch
        if os.environ.get("KILLED") and epoch >= 3:
            raise KeyboardInterrupt


def main() -> None:
    with together() as here:
        world, watch = tastes(second=True), Watch()
        keeper = InFile(os.environ["KEEPER"]) if os.environ.get("KEEPER") and not here.rank else None
        if os.environ.get("DIFFERENT") and here.rank:
            world = world.with_events(world.events[:-1])
        try:
            trained = fit(world, settings=QUICK, seed=3, checkpoint=keeper, progress=watch)
        except (ValueError, KeyboardInterrupt) as error:
            print(json.dumps({"error": type(error).__name__}), flush=True)  # noqa: T201
            if isinstance(error, KeyboardInterrupt):
                os._exit(1)  # as a kill would
            return
    told = {model: trained.report["metrics"]["home"][model]["ndcg@10"] for model in ("network", "ours")}
    told["norm"] = float(np.linalg.norm(trained.vectors, axis=1).mean())
    weights = hashlib.sha256(trained.residual.tobytes()).hexdigest()
    print(json.dumps({**told, "weights": weights, "begun at": watch.first}))  # noqa: T201


if __name__ == "__main__":
    main()
