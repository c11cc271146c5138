"""Candidates are the nearest and the strongest of every source that may be shown, whether tables are thin or thick."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from mtrec_django.inference.blend import PERSONAL, POPULAR, SOURCE_CANDIDATES, TEXT, TOGETHER, VECTOR_CANDIDATES
from mtrec_django.learning.candidates import Candidates, gather
from mtrec_django.learning.queries import Queries

ITEMS, ASKED = 1500, 12


def world(density: float) -> tuple[Queries, np.ndarray, dict]:
    rng = np.random.default_rng(0)
    ones = [sparse.csr_matrix((rng.random((ASKED, ITEMS)) < share).astype(np.float32)) for share in (2 / ITEMS, 0.05)]
    nothing = np.zeros(ASKED, np.int64)
    asked = Queries(0, nothing, nothing, nothing, nothing, *ones)
    history = sparse.csr_matrix((rng.random((ASKED, ITEMS)) < 5 / ITEMS).astype(np.float32))
    table = sparse.csr_matrix(rng.random((ITEMS, ITEMS), np.float32) * (rng.random((ITEMS, ITEMS)) < density))
    given = {
        "queries": rng.standard_normal((ASKED, 8), np.float32),
        "vectors": rng.standard_normal((ITEMS, 8), np.float32),
        "together": {TOGETHER: (history, table)},
        "prior": {POPULAR: np.log(rng.random(ITEMS, np.float32))},
    }
    return asked, rng.random(ITEMS) < 0.8, given


@pytest.mark.parametrize("density", [0.002, 0.2])
def test_candidates_are_the_best_of_each_source(density: float) -> None:
    asked, catalogue, given = world(density)
    found = gather(asked, catalogue, **given)
    history, table = given["together"][TOGETHER]
    scores = {
        PERSONAL: given["queries"] @ given["vectors"].T,
        TOGETHER: (history @ table).toarray(),
        POPULAR: np.tile(given["prior"][POPULAR], (ASKED, 1)),
    }
    for query in range(ASKED):
        may = catalogue & (asked.seen[query].toarray()[0] == 0)
        wanted = _best(scores[PERSONAL][query], may, VECTOR_CANDIDATES)
        wanted |= _best(scores[TOGETHER][query], may & (scores[TOGETHER][query] > 0), SOURCE_CANDIDATES)
        wanted |= _best(scores[POPULAR][query], may, SOURCE_CANDIDATES)
        items = found.items[query][found.items[query] >= 0]
        assert set(items.tolist()) == wanted
        for name, values in scores.items():
            np.testing.assert_allclose(found.features[name][query, : len(items)], values[query, items], rtol=1e-5)
        right = asked.relevant[query].toarray()[0, items] > 0
        np.testing.assert_array_equal(found.relevant[query, : len(items)], right)
        assert _is_padding(found, query, len(items))


def _best(scores: np.ndarray, may: np.ndarray, n: int) -> set[int]:
    order = np.argsort(-np.where(may, scores, -np.inf))[:n]
    return {int(item) for item in order if may[item]}


def _is_padding(found: Candidates, query: int, first: int) -> bool:
    rest = [values[query, first:] for values in found.features.values()]
    return bool((found.items[query, first:] == -1).all() and np.isnan(rest).all())


def test_what_is_written_is_compared_with_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: the weighted sum of cosines, unknown for an item that says nothing; no item is found by it."""
    monkeypatch.setattr("mtrec_django.learning.candidates.CELLS", 8)
    asked, catalogue, given = world(0.002)
    history, _table = given["together"][TOGETHER]
    similar = np.random.default_rng(1).standard_normal((ITEMS, 4), np.float32)
    similar /= np.linalg.norm(similar, axis=1, keepdims=True)
    similar[::5] = 0
    without, found = (gather(asked, catalogue, **given, text=text) for text in (None, (history, similar)))
    np.testing.assert_array_equal(found.items, without.items)
    assert TEXT not in without.features
    alike = np.where(similar.any(axis=1), history.toarray() @ similar @ similar.T, np.nan)
    for query in range(ASKED):
        items = found.items[query][found.items[query] >= 0]
        np.testing.assert_allclose(found.features[TEXT][query, : len(items)], alike[query, items], atol=1e-5)
        assert np.isnan(found.features[TEXT][query, : len(items)]).any()
        assert _is_padding(found, query, len(items))
