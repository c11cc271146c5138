"""Measuring on test, and what follows from it. Ours is always what would be served."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from ..dataset import Dataset, Floats, Ints
from ..inference.blend import PERSONAL, POPULAR, TOGETHER, Blend
from ..inference.query import QueryEncoder
from .artifacts import Trained
from .candidates import Candidates, full_ndcg, full_ranking, gather
from .evaluation import TAIL, Doubles, long_tail, margins, measure, per_query
from .neighbours import item_knn
from .network import Network
from .placing import aligned_vectors, with_kinds_of
from .profiles import visitors_of
from .queries import Queries, Split, encode, histories
from .run import Run
from .sources import constant, positive, prior, product

if TYPE_CHECKING:
    from .pretrain import Fitted

FEWEST_QUESTIONS = 30
"""With fewer questions nothing can be said about quality."""

RIVALS = ("popularity", "itemknn", "live")


def network_ndcg(run: Run, network: Network, known: Dataset, asked: list[Queries]) -> tuple[float, float]:
    """The network alone, every item ranked, mean over the scenarios, and how many questions it had an answer to;
    decides when training ends."""
    each = network_each(run, network, known, asked)
    weights = np.sqrt([len(questions) for questions in asked])
    hits = sum(int((values > 0).sum()) for values in each)
    return float(np.average([values.mean() for values in each], weights=weights)), float(hits)


def network_each(run: Run, network: Network, known: Dataset, asked: list[Queries]) -> list[Doubles]:
    """The same for every question of every scenario."""
    vectors = run.vectors(network, known)
    encoder = run.encoder(network)
    values: list[Doubles] = []
    for questions in asked:
        run.progress("validate", len(values), len(asked))
        queries = encode(encoder, vectors, run.dataset.events, questions)
        catalogue = run.dataset.catalogue[questions.scenario]
        values.append(full_ndcg(questions, catalogue, lambda rows, q=queries: q[rows] @ vectors.T))  # type: ignore[misc]
    return values


def candidates(
    dataset: Dataset,
    asked: Queries,
    encoder: QueryEncoder,
    vectors: Floats,
    table: sparse.csr_matrix,
    reading: Blend,
    log_prior: Floats,
    similar: Floats | None = None,
) -> Candidates:
    """What serving would score for these questions; `similar` where the blend compares texts. [items, n]"""

    def read(blend: Blend) -> sparse.csr_matrix:
        return histories(dataset.events, asked, len(dataset.items), blend, dataset.kinds)

    return gather(
        asked,
        dataset.catalogue[asked.scenario],
        queries=encode(encoder, vectors, dataset.events, asked),
        vectors=vectors,
        together={TOGETHER: (read(reading), table)},
        prior={POPULAR: log_prior},
        text=None if similar is None else (read(reading.for_text), similar),
    )


@dataclass(slots=True)
class Measured:
    """Test figures by scenario, and each question's NDCG@10 for the margins."""

    metrics: dict[str, dict[str, Any]]
    margins: dict[str, dict[str, Any]]
    pooled: dict[str, Doubles]  # model -> NDCG@10 of all questions of all scenarios
    questions: int
    tails: dict[str, dict[str, list[float]]] = field(default_factory=dict)  # scenario -> model -> as `long_tail`


def measure_all(
    run: Run, network: Network, split: Split, before: Dataset, fitted: Fitted, *, live: Trained | None = None
) -> Measured:
    """Ours, popularity, ItemKNN and the live version on the newest part; tables from all that came before it.

    The live version takes part as it was before it learned from everything, or it would know the answers.
    """
    dataset, settings = run.dataset, run.settings
    vectors = run.vectors(network, before)
    encoder = run.encoder(network)
    table = fitted.chosen.recipe.build(before, settings, run.by_text, run.cold_places).matrix()
    knn = item_knn(positive(before), settings.neighbours).matrix()
    out = Measured({}, {}, {}, 0)
    rival = None if live is None else Rival.of(live.before_everything(), dataset, before)
    for goal, blend in enumerate(fitted.chosen.blends):
        run.progress("measure", goal, len(fitted.chosen.blends))
        questions = run.ask(goal, split, 2)
        if not len(questions):
            continue
        log_prior = prior(before, goal, fitted.chosen.recipe.half_life[goal])
        found = candidates(dataset, questions, encoder, vectors, table, blend, log_prior, run.texts(blend))
        lists = {
            "ours": found.ranked(blend),
            "network": found.ranked(Blend({PERSONAL: 1.0})),
            "popularity": _popularity(before, questions),
            "itemknn": _itemknn(dataset, questions, knn),
        }
        if rival is not None:
            lists["live"] = rival.lists(run, questions, table, log_prior)
        _record(out, run, before, questions, lists)
    return out


@dataclass(frozen=True, slots=True)
class Rival:
    """The live version, asked the same questions over the same data."""

    live: Trained
    dataset: Dataset
    vectors: Floats  # [items, dim]
    visitors: Floats | None  # [users, dim]

    @classmethod
    def of(cls, live: Trained, dataset: Dataset, before: Dataset) -> Rival:
        """Bring its vectors and kinds into the order of the data set; friends are known by what came before."""
        vectors = aligned_vectors(live, dataset.items)
        return cls(live, with_kinds_of(live, dataset), vectors, visitors_of(live, dataset, before.events, vectors))

    def lists(self, run: Run, asked: Queries, table: sparse.csr_matrix, log_prior: Floats) -> Ints:
        """What it would show; texts are compared as the run has them."""
        name = self.dataset.goals[asked.scenario].name
        blend = self.live.blend(name)
        encoder = replace(self.live.encoder(name), visitors=self.visitors)
        found = candidates(self.dataset, asked, encoder, self.vectors, table, blend, log_prior, run.texts(blend))
        return found.ranked(blend)


def _popularity(before: Dataset, asked: Queries) -> Ints:
    return full_ranking(asked, before.catalogue[asked.scenario], constant(prior(before, asked.scenario, 0.0)))


def _itemknn(dataset: Dataset, asked: Queries, table: sparse.csr_matrix) -> Ints:
    history = histories(dataset.events, asked, len(dataset.items), Blend(decay=1.0), dataset.kinds, longest=1_000_000)
    history.data[:] = 1
    return full_ranking(asked, dataset.catalogue[asked.scenario], product(history, table))


def _record(out: Measured, run: Run, before: Dataset, asked: Queries, lists: dict[str, Any]) -> None:
    name = run.dataset.goals[asked.scenario].name
    counts = np.bincount(before.events.item, minlength=len(before.items))
    catalogue = int(run.dataset.catalogue[asked.scenario].sum())
    similar = run.texts()
    each = {model: per_query(ranked, asked.relevant)["ndcg@10"] for model, ranked in lists.items()}
    out.metrics[name] = {
        model: measure(ranked, asked.relevant, counts=counts, catalogue=catalogue, similar=similar)
        for model, ranked in lists.items()
    }
    out.metrics[name]["questions"] = len(asked)
    here = np.flatnonzero(run.dataset.catalogue[asked.scenario])
    place = np.full(len(counts), -1)
    place[here] = np.arange(len(here))
    shown = ("ours", *(rival for rival in RIVALS if rival in lists))
    out.tails[name] = {"catalogue": list(TAIL)} | {
        model: long_tail(np.where(lists[model] >= 0, place[lists[model]], -1), counts[here]) for model in shown
    }
    out.margins[name] = margins(
        each["ours"], {other: values for other, values in each.items() if other != "ours"}, seed=run.seed
    )
    for model, values in each.items():
        out.pooled[model] = np.concatenate([out.pooled.get(model, np.empty(0)), values])
    out.questions += len(asked)


def decide(measured: Measured, *, live: bool) -> dict[str, Any]:
    """Publish only what beats popularity and ItemKNN beyond noise, over the questions of all scenarios.

    Beside the live version it must not lose beyond noise: that it knows newer events is worth having by itself.
    """
    if measured.questions < FEWEST_QUESTIONS:
        reason = f"only {measured.questions} test questions: too few to measure"
        return {"publish": not live, "reason": reason + ("" if live else "; nothing is live yet")}
    ours = measured.pooled["ours"]
    beside = margins(ours, {other: values for other, values in measured.pooled.items() if other in RIVALS})
    lost = [other for other, one in beside.items() if one["high" if other == "live" else "low"] <= 0]
    words = ", ".join(
        f"{one['ratio']:.2f} x {other} ({one['mean']:+.4f}, {one['low']:+.4f} to {one['high']:+.4f})"
        for other, one in beside.items()
    )
    reason = f"NDCG@10 {words}" if not lost else f"does not beat {' and '.join(lost)} beyond noise: {words}"
    return {"publish": not lost, "reason": reason, "margins": beside}
