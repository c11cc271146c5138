"""What one scenario gives another: alone, joint, transferred and guarded; few events, cold items, zero- and few-shot.

    python -m tests.benchmarks.transfer --data DIR [--scenarios a,b] [--parts few,cold,meta,…] [--json FILE]

Sets with times in which scenarios are places (the same items) are split by time, others last-out.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mtrec_django.dataset import Bools, Dataset, Ints
from mtrec_django.inference.blend import PERSONAL, POPULAR, Blend
from mtrec_django.inference.query import QueryEncoder
from mtrec_django.learning.candidates import full_ranking
from mtrec_django.learning.evaluation import Doubles, margin, per_query
from mtrec_django.learning.held_out import HeldOut, hold_out, may_know, protocol
from mtrec_django.learning.network import Delta
from mtrec_django.learning.placing import with_kinds_of
from mtrec_django.learning.pretrain import assemble, fit
from mtrec_django.learning.queries import Queries, Split, encode, time_split
from mtrec_django.learning.run import Run
from mtrec_django.learning.settings import Settings, silent
from mtrec_django.learning.sources import constant, prior
from mtrec_django.learning.transfer import Frozen, choose_alpha, delta_artifact, freeze, train_delta, transfer

from .reptile import common_start, tasks
from .sets import read, without_other_scenarios

PARTS = ("joint", "guard", "few", "zero", "cold", "meta")
FEWEST = 20


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    folder = read(options.data, encoder=options.encoder)
    dataset = folder.dataset
    names = options.scenarios.split(",") if options.scenarios else _asked(dataset)
    settings = Settings(threads=options.threads)
    report: dict[str, Any] = {"data": Path(options.data).name}
    places = options.protocol == "time"
    for part in options.parts.split(","):
        started = time.perf_counter()
        report[part] = STUDIES[part](dataset, names, folder.split, settings, places, options.seed)
        print(f"\n{part} ({time.perf_counter() - started:.0f} s)")
        print(json.dumps(report[part], indent=1))
        if options.json:
            Path(options.json).write_text(json.dumps(report, indent=1))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", required=True)
    made.add_argument("--scenarios", default="")
    made.add_argument("--parts", default=",".join(PARTS))
    made.add_argument("--protocol", choices=("last-out", "time"), default="last-out")
    made.add_argument("--json")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--encoder", default="minilm")
    made.add_argument("--threads", type=int, default=0)
    return made


def _asked(dataset: Dataset) -> list[str]:
    return [goal.name for goal in dataset.goals if goal.weights]


def splits(dataset: Dataset, scenario: int, given: np.ndarray | None, places: bool) -> tuple[Dataset, Split]:
    """As the protocol says: by time, the last 3 days of a fortnight are test and the day before validation."""
    if not places:
        return protocol(dataset, scenario, given)
    days = np.ptp(dataset.events.time[dataset.events.time > 0]) / 86_400
    shares = {"test_share": 3 / days, "validation_share": 1 / days} if days < 60 else {}
    return dataset, time_split(dataset.events, **shares)


def joint(
    dataset: Dataset, names: list[str], given: np.ndarray | None, settings: Settings, places: bool, seed: int
) -> dict[str, Any]:
    """Each scenario alone beside all together; by how many events the visitor has there."""
    out: dict[str, Any] = {}
    together: HeldOut | None = None
    for name in names:
        scenario = dataset.scenario(name)
        data, split = splits(dataset, scenario, given, places)
        if together is None or not (places or given is not None):
            together = hold_out(data, split, settings=settings, seed=seed)
        asked = together.questions(scenario)
        if len(asked) < FEWEST:
            continue
        out[name] = {"questions": len(asked), "popularity": _mean(_popularity(together, asked))}
        ours = per_query(together.lists(asked), asked.relevant)
        out[name]["joint"] = {key: _mean(ours[key]) for key in ("ndcg@10", "recall@50")}
        out[name]["joint / popularity"] = margin(ours["ndcg@10"], _popularity(together, asked))["ratio"]
        if not places:
            out[name] |= _alone(dataset, name, together, asked, ours, given, settings, seed)
    if places:
        total = sum(one["questions"] for one in out.values())
        ours = sum(one["questions"] * one["joint"]["ndcg@10"] for one in out.values()) / max(total, 1)
        popular = sum(one["questions"] * one["popularity"] for one in out.values()) / max(total, 1)
        out["weighted"] = {"joint": ours, "popularity": popular, "ratio": ours / max(popular, 1e-12)}
    return out


def _alone(
    dataset: Dataset,
    name: str,
    together: HeldOut,
    asked: Queries,
    ours: dict[str, Doubles],
    given: np.ndarray | None,
    settings: Settings,
    seed: int,
) -> dict[str, Any]:
    narrow = without_other_scenarios(dataset, [name])
    part = None if given is None else given[dataset.events.scenario == dataset.scenario(name)]
    single = hold_out(*splits(narrow, 0, part, False), settings=settings, seed=seed)
    same = single.questions(0)
    assert np.array_equal(same.user, asked.user)
    values = per_query(single.lists(same), same.relevant)
    mine = together.train.events
    there = np.bincount(mine.user[mine.scenario == asked.scenario], minlength=len(dataset.users))[asked.user]
    groups = {"1-3": there <= 3, "4-9": (there > 3) & (there < 10), "10+": there >= 10}
    return {
        "alone": {key: _mean(values[key]) for key in ("ndcg@10", "recall@50")},
        "joint / alone": {key: _mean(ours[key]) / max(_mean(values[key]), 1e-12) for key in ("ndcg@10", "recall@50")},
        "margin": margin(ours["ndcg@10"], values["ndcg@10"]),
        "joint / alone by events there": {
            group: _ratio(ours["ndcg@10"][rows], values["ndcg@10"][rows]) for group, rows in groups.items()
        },
    }


def guard(
    dataset: Dataset, names: list[str], given: np.ndarray | None, settings: Settings, places: bool, seed: int
) -> dict[str, Any]:
    """What `fit` and `transfer` do with the set, as a site would run them."""
    base = fit(dataset, settings=settings, seed=seed)
    out: dict[str, Any] = {"base": base.report["decision"], "seconds": base.report["seconds"]}
    for name in names:
        child = transfer(base, dataset, name, settings=settings, seed=seed)
        out[name] = {key: child.report[key] for key in ("decision", "alpha", "alphas")}
        out[name]["seconds"] = child.report["seconds"]
    return out


def few(
    dataset: Dataset, names: list[str], given: np.ndarray | None, settings: Settings, places: bool, seed: int
) -> dict[str, Any]:
    """The last scenario as a new one, of which 1, 5 and 20 % of the events are known."""
    name = names[-1]
    scenario = dataset.scenario(name)
    dataset, split = splits(dataset, scenario, given, places)
    rng = np.random.default_rng(seed)
    drawn = rng.random(len(dataset.events))
    out = {}
    for share in (0.01, 0.05, 0.2):
        there = dataset.events.scenario == scenario
        hidden = there & (split.part < 2) & (drawn >= share)
        held, asked = _without(dataset, split, hidden, scenario, settings, seed)
        ours, popular = per_query(held.lists(asked), asked.relevant)["ndcg@10"], _popularity(held, asked)
        out[f"{share:.0%}"] = {
            "events": int((there & (split.part < 2) & (drawn < share)).sum()),
            "ours": _mean(ours),
            "popularity": _mean(popular),
            "ratio": _ratio(ours, popular),
        }
    return out


def zero(
    dataset: Dataset, names: list[str], given: np.ndarray | None, settings: Settings, places: bool, seed: int
) -> dict[str, Any]:
    """The last scenario's events are never trained on, but the visitor's own are in his history."""
    name = names[-1]
    scenario = dataset.scenario(name)
    dataset, split = splits(dataset, scenario, given, places)
    whole = Run.prepare(dataset, replace(settings, max_queries=10**9), seed, silent)
    asked = whole.ask(scenario, split, 2)
    everything = dataset.with_events(dataset.events[may_know(dataset, split, 2)])
    oracle = per_query(_by_prior(everything, asked), asked.relevant)["ndcg@10"]
    source = without_other_scenarios(dataset, [other for other in names if other != name])
    held = hold_out(*splits(source, 0, None, places), settings=settings, seed=seed)
    found = replace_candidates(held, whole.dataset, asked)
    ours = per_query(found, asked.relevant)["ndcg@10"]
    return {"ours": _mean(ours), "popularity of all events": _mean(oracle), "ratio": _ratio(ours, oracle)}


def replace_candidates(held: HeldOut, whole: Dataset, asked: Queries) -> np.ndarray:
    """Vectors and texts of a network that never saw the scenario, asked with the visitor's whole history."""
    from mtrec_django.learning.measuring import candidates
    from mtrec_django.learning.sources import Recipe

    run = held.run
    recipe = Recipe(held.fitted.chosen.recipe.table, held.fitted.chosen.recipe.text_share or 1.0, half_life=[0.0])
    table = recipe.build(held.both, run.settings, run.by_text, run.cold_places).matrix()
    blend = replace(held.fitted.chosen.blends[0], here=1.0)
    weights = {key: value for key, value in blend.weights.items() if key != POPULAR} or {PERSONAL: 1.0}
    blend = replace(blend, weights=weights)
    nothing = np.zeros(len(whole.items), np.float32)
    vectors, encoder = run.vectors(held.network, held.both), run.encoder(held.network)
    return candidates(whole, asked, encoder, vectors, table, blend, nothing).ranked(blend)


def cold(
    dataset: Dataset, names: list[str], given: np.ndarray | None, settings: Settings, places: bool, seed: int
) -> dict[str, Any]:
    """A tenth of the first scenario's items are in no training and no history: found among the cold, and among all."""
    scenario = dataset.scenario(names[0])
    dataset, split = splits(dataset, scenario, given, places)
    rng = np.random.default_rng(seed)
    hidden_items = dataset.catalogue[scenario] & (rng.random(len(dataset.items)) < 0.1)
    gone = hidden_items[dataset.events.item] & (split.part < 2)
    held, asked = _without(dataset, split, gone, scenario, settings, seed)
    is_cold = np.asarray(asked.relevant @ hidden_items.astype(np.float32)).ravel() > 0
    chosen, warm = asked.take(is_cold), asked.take(~is_cold)
    only = replace(held.run.dataset, catalogue=held.run.dataset.catalogue & hidden_items)
    from mtrec_django.learning.baselines import Known, textknn

    filtered = replace(held, run=replace(held.run, dataset=only)).candidates(chosen)
    known = Known.of(held.run.dataset, held.both, scenario, held.run.similar)
    lists = {
        "ours": filtered.ranked(held.fitted.chosen.blends[scenario]),
        "network": filtered.ranked(Blend({PERSONAL: 1.0})),
        "textknn": full_ranking(chosen, only.catalogue[scenario], textknn(known)(chosen)),
    }
    out: dict[str, Any] = {"questions": len(chosen), "recipe": asdict(held.fitted.chosen.recipe)}
    out["cold only"] = {name: _mean(per_query(ranked, chosen.relevant)["recall@50"]) for name, ranked in lists.items()}
    among = [_mean(per_query(held.lists(one), one.relevant)["ndcg@10"]) for one in (chosen, warm)]
    out["among all"] = {"cold": among[0], "warm": among[1], "ratio": among[0] / max(among[1], 1e-12)}
    out["all"] = _mean(per_query(held.lists(asked), asked.relevant)["ndcg@10"])
    out["cold only ratio"] = out["cold only"]["ours"] / max(out["cold only"]["textknn"], 1e-12)
    return out


def meta(
    dataset: Dataset, names: list[str], given: np.ndarray | None, settings: Settings, places: bool, seed: int
) -> dict[str, Any]:
    """A scenario's part begun at nothing and at what Reptile found, over a base that never saw the scenario.

    Of the last scenario 1, 5 and 20 % of the events are known; the gate is chosen on as many of the validation ones.
    """

    name = names[-1]
    scenario = dataset.scenario(name)
    dataset, split = splits(dataset, scenario, given, places)
    source = without_other_scenarios(dataset, [other for other in names if other != name])
    quick = replace(settings, quick=True)
    held = hold_out(*splits(source, 0, None, places), settings=quick, seed=seed)
    nothing = np.zeros((len(source.goals), len(source.items)), np.float32)
    recipe = held.fitted.chosen.recipe
    table = recipe.build(held.train, held.run.settings, held.run.by_text, held.run.cold_places)
    base = assemble(held.run, held.network, held.fitted, table, nothing, {}, "")
    run = Run.prepare(dataset, replace(settings, max_queries=10**9), seed, silent, like=base.artifact.config)
    dataset, part = run.dataset, split.part[run.heard.kept]
    asked, validation = (run.ask(scenario, replace(split, part=part), number) for number in (2, 1))
    frozen, rng = freeze(base, dataset), np.random.default_rng(seed)
    others = [dataset.scenario(other) for other in names if other != name]
    began = time.perf_counter()
    reptile = common_start(frozen, tasks(frozen, dataset, others, part == 0, settings, seed), settings, seed)
    out: dict[str, Any] = {"seconds of Reptile": time.perf_counter() - began}
    drawn, few = rng.random(len(part)), rng.random(len(validation))
    for share in (0.01, 0.05, 0.2):
        there = dataset.events.scenario == scenario
        known = (part == 0) & (~there | (drawn < share))
        row: dict[str, Any] = {"events": int((known & there).sum())}
        for start, begun in (("nothing", None), ("reptile", reptile)):
            delta = train_delta(frozen, dataset, scenario, known, settings, seed, silent, start=begun)
            alpha, tried = choose_alpha(frozen, dataset, validation.take(few < share), delta, name)
            row[start] = {"gate": alpha, "validation": tried} | {
                f"test, gate {gate}": _gated(frozen, dataset, asked, delta, name, gate)
                for gate in sorted({0.0, alpha, 1.0})
            }
        out[f"{share:.0%}"] = row
    return out


def _gated(frozen: Frozen, dataset: Dataset, asked: Queries, delta: Delta, name: str, gate: float) -> float:
    """NDCG@10 of the network alone with a scenario's part."""
    artifact = delta_artifact(frozen.base, name, delta, gate)
    encoder = QueryEncoder.from_artifacts(frozen.base.artifact, artifact)
    queries = encode(encoder, frozen.vectors, with_kinds_of(frozen.base, dataset).events, asked)
    lists = full_ranking(asked, dataset.catalogue[asked.scenario], lambda rows: queries[rows] @ frozen.vectors.T)
    return _mean(per_query(lists, asked.relevant)["ndcg@10"])


def _without(
    dataset: Dataset, split: Split, gone: Bools, scenario: int, settings: Settings, seed: int
) -> tuple[HeldOut, Queries]:
    """Train as if some events had never happened."""
    rest = dataset.with_events(dataset.events[~gone])
    held = hold_out(rest, replace(split, part=split.part[~gone]), settings=settings, seed=seed)
    return held, held.questions(scenario)


def _popularity(held: HeldOut, asked: Queries) -> Doubles:
    return per_query(_by_prior(held.both, asked), asked.relevant)["ndcg@10"]


def _by_prior(known: Dataset, asked: Queries) -> Ints:
    values = prior(known, asked.scenario, 0.0)
    return full_ranking(asked, known.catalogue[asked.scenario], constant(values))


def _mean(values: Doubles) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _ratio(ours: Doubles, theirs: Doubles) -> float:
    return _mean(ours) / max(_mean(theirs), 1e-12)


STUDIES = {"joint": joint, "guard": guard, "few": few, "zero": zero, "cold": cold, "meta": meta}

if __name__ == "__main__":
    main()
