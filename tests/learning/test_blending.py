"""Which weights are chosen: of many questions the best ones, of few none that were only lucky."""

from __future__ import annotations

import numpy as np

from mtrec_django.inference.blend import PERSONAL, POPULAR, TOGETHER
from mtrec_django.learning.blending import STARTS, Scorer, choose
from mtrec_django.learning.candidates import Candidates

CANDIDATES = 300


def world(questions: int, *, lucky: int) -> Scorer:
    """The right answer of each question is the 30th by what is personal and has no other mark; of some it is, by luck,
    the first by popularity, and of all others the last."""
    places = np.tile(np.arange(CANDIDATES), (questions, 1))
    relevant = places == 29
    popular = np.where(relevant, -1.0, np.cos(places + np.arange(questions)[:, None])).astype(np.float32)
    popular[:lucky, 29] = 2.0
    features = {
        PERSONAL: -places.astype(np.float32),
        TOGETHER: np.zeros(places.shape, np.float32),
        POPULAR: popular,
    }
    found = Candidates(places.astype(np.int32), features, relevant)
    return Scorer(found, np.ones(questions, np.int64), features)


def test_one_lucky_answer_among_few_questions_does_not_rule() -> None:
    scorer = world(60, lucky=1)
    choice = choose(scorer)
    assert choice.alone[POPULAR] > scorer.ndcg(STARTS[1])  # of the first ten alone, luck would win
    assert choice.weights[PERSONAL] > 0
    assert choice.weights.get(POPULAR, 0) <= STARTS[0][POPULAR]


def test_what_many_questions_say_rules() -> None:
    assert choose(world(600, lucky=400)).weights == {POPULAR: 1.0}


def test_what_few_questions_say_with_one_voice_rules() -> None:
    choice = choose(world(40, lucky=40))
    assert choice.ndcg == 1.0


def test_without_what_to_start_from_the_best_is_chosen() -> None:
    scorer = world(20, lucky=20).only({"other": POPULAR})
    assert choose(scorer).weights == {"other": 1.0}
