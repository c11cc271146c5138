"""Items that nobody met earn trust on validation where what is written on them tells what they go with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtrec_django.dataset import Dataset
from mtrec_django.inference.blend import POPULAR, TEXT, TOGETHER, Blend
from mtrec_django.learning.run import Run
from mtrec_django.learning.settings import silent
from mtrec_django.learning.sources import Recipe, made
from mtrec_django.learning.unmet import with_trust

from .worlds import QUICK, tastes

NOTHING = (Recipe("knn", half_life=[0.0]), [Blend({TOGETHER: 1.0})])


def chosen(world: Dataset, *, turned: int = 0, by: str = TOGETHER, free: float = 1.0) -> tuple[Recipe, list[Blend]]:
    """With `turned` what is right on validation is as many items further on: of another taste than the history's."""
    run = Run.prepare(world, replace(QUICK, max_queries=1000, newcomers=0.0), 0, silent)
    split = run.split()
    known = run.dataset.with_events(run.dataset.events[split.part == 0])
    asked = [run.ask(0, split, 1)]
    order = np.roll(np.arange(len(world.items)), turned)
    asked = [replace(questions, relevant=questions.relevant[:, order].tocsr()) for questions in asked]
    table = made("knn", known, run.settings)
    recipe, blends = NOTHING[0], [Blend({by: 1.0})]
    return with_trust(run, run.network(), known, asked, blends, recipe, table, None, [free])


def test_texts_that_tell_earn_trust() -> None:
    assert chosen(tastes(users=400, per_taste=30))[0].cold_share > 0


def test_words_that_tell_count_up_to_where_they_would_cost_others() -> None:
    world = tastes(users=400, per_taste=30)
    recipe, (blend,) = chosen(world, by=POPULAR)
    assert recipe.unmet_text == [blend.weights[TEXT]]
    assert blend.weights[TEXT] > 0.1
    assert chosen(world, by=POPULAR, free=0.1)[1][0].weights[TEXT] <= 0.1
    assert TEXT not in chosen(world, by=POPULAR, free=0.0)[1][0].weights


def test_texts_earn_none_where_validation_wants_something_else() -> None:
    assert chosen(tastes(users=400, per_taste=30), turned=3) == NOTHING


def test_without_texts_nothing_changes() -> None:
    world = tastes(users=400)
    silent_items = replace(world.items, content=np.zeros_like(world.items.content), categories={}, numbers={})
    assert chosen(replace(world, items=silent_items)) == NOTHING
