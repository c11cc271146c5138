"""Which weights are chosen: of many questions the best ones, of few none that were only lucky."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from mtrec_django.inference.blend import PERSONAL, POPULAR, TEXT, TOGETHER
from mtrec_django.learning.blending import GRID, STARTS, Scorer, choose, for_nothing
from mtrec_django.learning.candidates import Candidates, gather
from mtrec_django.learning.queries import Queries, relevant_count

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


ITEMS, ASKED = 200, 600


def asked_by_text(similar: np.ndarray, history: sparse.csr_matrix) -> Queries:
    """Who wants what reads most like his history, and nothing of what he has met."""
    alike = np.where(history.toarray() > 0, -np.inf, history.toarray() @ similar @ similar.T)
    wanted = sparse.csr_matrix((np.ones(ASKED), (np.arange(ASKED), alike.argmax(axis=1))), (ASKED, ITEMS))
    nothing = np.zeros(ASKED, np.int64)
    return Queries(0, nothing, nothing, nothing, nothing, wanted, history)


def test_texts_are_weighed_where_they_decide() -> None:
    rng = np.random.default_rng(0)
    met = np.stack([rng.choice(ITEMS, 3, replace=False) for _ in range(ASKED)])
    history = sparse.csr_matrix(
        (np.ones(3 * ASKED, np.float32), (np.repeat(np.arange(ASKED), 3), met.ravel())), (ASKED, ITEMS)
    )
    similar = rng.standard_normal((ITEMS, 16), np.float32)
    similar /= np.linalg.norm(similar, axis=1, keepdims=True)
    questions = asked_by_text(similar, history)
    given = {
        "queries": rng.standard_normal((ASKED, 8), np.float32),
        "vectors": rng.standard_normal((ITEMS, 8), np.float32),
        "together": {TOGETHER: (history, sparse.csr_matrix((ITEMS, ITEMS), dtype=np.float32))},
        "prior": {POPULAR: np.log(rng.random(ITEMS, np.float32))},
    }
    chosen = [
        choose(Scorer(found, relevant_count(questions), found.features))
        for found in (
            gather(questions, np.ones(ITEMS, bool), **given, text=text) for text in (None, (history, similar))
        )
    ]
    assert chosen[1].weights == {TEXT: 1.0}
    assert chosen[1].ndcg == chosen[1].alone[TEXT] == 1
    assert set(chosen[0].weights) <= {PERSONAL, TOGETHER, POPULAR}
    assert chosen[0].ndcg < 0.5


def test_a_feature_costs_nothing_up_to_where_it_changes_what_is_found() -> None:
    scorer = world(600, lucky=400)
    choice = choose(scorer)
    assert for_nothing(scorer, choice, TOGETHER) == max(GRID)  # it is the same of all candidates
    against = scorer.plus("against", np.tile(np.where(np.arange(CANDIDATES) == 29, -1.0, 0.0), (600, 1)))
    assert for_nothing(against, choice, "against") < max(GRID)
    assert for_nothing(scorer, choice, "text") == 0
