"""When a training ends, and which weights it keeps."""

from __future__ import annotations

import pytest
import torch

from mtrec_django.learning.run import Run
from mtrec_django.learning.training import FEWEST_HITS, train

from .worlds import QUICK, tastes

EPOCHS = 5


def quiet(step: str, done: int, total: int) -> None:
    pass


def trained(hits: int) -> tuple[int, int]:
    """How many epochs were run where each is worse than the one before, and which one's weights were kept."""
    run = Run.prepare(tastes(users=30), QUICK, 0, quiet)
    network, seen = run.network(), list[torch.Tensor]()

    def validate() -> tuple[float, float]:
        seen.append(network.query.empty.detach().clone())
        return 1 / len(seen), hits

    trainer = run.trainer(network, run.dataset, rate=1e-2, seed=0)
    course = train(
        trainer,
        run.sampler(run.dataset, seed=0),
        epochs=EPOCHS,
        patience=2,
        progress=quiet,
        step="train",
        validate=validate,
    )
    kept = [at for at, weights in enumerate(seen) if torch.equal(weights, network.query.empty)]
    assert len(kept) == 1
    return len(course.epochs), kept[0]


@pytest.mark.parametrize(
    ("hits", "epochs", "kept"),
    [(FEWEST_HITS, 3, 0), (FEWEST_HITS - 1, EPOCHS, EPOCHS - 1), (0, EPOCHS, EPOCHS - 1)],
)
def test_with_too_few_answers_to_tell_by_it_runs_to_its_end(hits: int, epochs: int, kept: int) -> None:
    assert trained(hits) == (epochs, kept)
