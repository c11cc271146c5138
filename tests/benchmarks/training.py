"""What training costs: ours beside iALS, a SASRec-like network and RecTools' SASRec; warm starts; memory.

    python -m tests.benchmarks.training --data DIR [--scenario S] [--parts speed,warm] [--peers-venv DIR] [--json FILE]
    python -m tests.benchmarks.training --synthetic EVENTS --items N [--json FILE]

Speed is under the last-out protocol: all learn from the training part of one scenario and are asked the test questions
after every epoch, which is not timed. RecTools is run with `--peers-venv` only, in a virtual environment made there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtrec_django.dataset import Dataset, Floats
from mtrec_django.dataset_folder import Folder
from mtrec_django.learning.baselines import Known, ials
from mtrec_django.learning.candidates import Score, full_ranking
from mtrec_django.learning.evaluation import per_query
from mtrec_django.learning.held_out import protocol
from mtrec_django.learning.pretrain import TorchThreads, fit
from mtrec_django.learning.queries import Split, encode
from mtrec_django.learning.run import Run
from mtrec_django.learning.settings import Settings, silent
from mtrec_django.learning.training import train

from .sasrec import SASRec, learn
from .sets import only, read

MILLION = 1_000_000
PEER = "rectools[torch]==0.19.0"


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    report: dict[str, Any] = {"threads": options.threads, "seed": options.seed}
    if options.synthetic:
        from .memory import measure_memory

        report["memory"] = measure_memory(options.synthetic, options.items, options.threads)
    else:
        folder = read(options.data, encoder=options.encoder)
        name = options.scenario or next(goal.name for goal in folder.dataset.goals if goal.weights)
        report |= {"data": Path(options.data).name, "scenario": name}
        bench = Bench.of(folder, name, options)
        for part in options.parts.split(","):
            report[part] = PARTS[part](bench, options)
            show(part, report[part])
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data")
    made.add_argument("--scenario")
    made.add_argument("--parts", default="speed,warm")
    made.add_argument("--peers-venv", help="make (once) a virtual environment with RecTools here, and run it")
    made.add_argument("--peer-seconds", type=float, default=1200, help="a peer's training ends here at the latest")
    made.add_argument("--peer-loss", default="softmax", help="of RecTools' SASRec: its default is over every item")
    made.add_argument("--json")
    made.add_argument("--encoder", default="minilm")
    made.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--synthetic", type=int, default=0, help="measure memory on so many made-up events instead")
    made.add_argument("--items", type=int, default=100_000)
    return made


class Bench:
    """One scenario by itself under the last-out protocol, and how good lists of its test questions are."""

    def __init__(self, dataset: Dataset, split: Split, settings: Settings, seed: int) -> None:
        self.run = Run.prepare(dataset, settings, seed, silent)
        self.split = split
        self.train = dataset.with_events(dataset.events[split.part == 0])
        self.both = dataset.with_events(dataset.events[split.part < 2])
        self.asked = self.run.ask(0, split, 2)

    @classmethod
    def of(cls, folder: Folder, name: str, options: argparse.Namespace) -> Bench:
        dataset, rows = only(folder.dataset, name)
        given = None if folder.split is None else folder.split[rows]
        dataset, split = protocol(dataset, 0, given)
        settings = Settings(threads=options.threads, max_queries=10**9)
        return cls(dataset, split, settings, options.seed)

    def ndcg(self, queries: Floats, vectors: Floats) -> float:
        """NDCG@10 of inner products, every item ranked."""
        return self.of_scores(lambda rows: queries[rows] @ vectors.T)

    def of_scores(self, score: Score) -> float:
        lists = full_ranking(self.asked, self.run.dataset.catalogue[0], score, 10)
        return float(per_query(lists, self.asked.relevant)["ndcg@10"].mean())


def speed(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds and NDCG@10 after every epoch of each model, and what follows from them."""
    events = len(bench.train.events)
    curves = {"ours": ours(bench), "ials": by_als(bench), "sasrec-like": sasrec_like(bench, options)}
    if options.peers_venv:
        curves["rectools"] = rectools(bench, options)
    models = {name: summary(curve, events) for name, curve in curves.items()}
    peers = {name: values for name, values in models.items() if name != "ours"}
    best = max(peers, key=lambda name: peers[name]["ndcg@10"])
    reached = next((at["seconds"] for at in curves["ours"] if at["ndcg@10"] >= peers[best]["ndcg@10"]), None)
    ratios = {"events/s : sasrec-like": models["ours"]["events/s"] / models["sasrec-like"]["events/s"]}
    if "rectools" in models:
        ratios["seconds of all : rectools to its best"] = models["ours"]["seconds"] / models["rectools"]["to best"]
    return {
        "events": events,
        "items": len(bench.train.items),
        "questions": len(bench.asked),
        "models": models,
        "best peer": best,
        "seconds to the best peer's NDCG@10": reached,
        "ratios": ratios,
        "curves": curves,
    }


def summary(curve: list[dict[str, float]], events: int) -> dict[str, float]:
    """All of a model's training, up to its best epoch, and what a pass over the events and all of it cost."""
    best = max(curve, key=lambda at: at["ndcg@10"])
    last = curve[-1]
    return {
        "ndcg@10": best["ndcg@10"],
        "epochs": last["epoch"],
        "seconds": last["seconds"],
        "to best": best["seconds"],
        "events/s": events * last["epoch"] / max(last["seconds"], 1e-9),
        "seconds a million events": last["seconds"] * MILLION / max(events, 1),
    }


def ours(bench: Bench) -> list[dict[str, float]]:
    """The network alone, trained as the product trains it; what it learns from is prepared within its time."""
    run, train_part = bench.run, bench.train
    curve: list[dict[str, float]] = []
    started = time.perf_counter()
    spent = 0.0

    def judge() -> float:
        nonlocal started, spent
        spent += time.perf_counter() - started
        vectors = run.vectors(network, train_part)
        queries = encode(run.encoder(network), vectors, run.dataset.events, bench.asked)
        value = bench.ndcg(queries, vectors)
        curve.append({"epoch": len(curve) + 1, "seconds": round(spent, 2), "ndcg@10": value})
        started = time.perf_counter()
        return value

    with TorchThreads(run.settings.thread_count()):
        network = run.network()
        train(
            run.trainer(network, train_part, rate=run.settings.rate, seed=run.seed),
            run.sampler(train_part, seed=run.seed),
            epochs=run.settings.epochs,
            patience=run.settings.epochs,
            progress=silent,
            step="train",
            validate=judge,
        )
    return curve


def by_als(bench: Bench) -> list[dict[str, float]]:
    """`implicit`, at a usual setting; one point, since its sweeps are not epochs over events."""
    known = Known.of(bench.run.dataset, bench.train, 0, bench.run.similar)
    started = time.perf_counter()
    model = ials(known, factors=64, alpha=10.0, threads=bench.run.settings.thread_count())
    seconds = time.perf_counter() - started
    return [{"epoch": 15, "seconds": round(seconds, 2), "ndcg@10": bench.of_scores(model(bench.asked))}]


def sasrec_like(bench: Bench, options: argparse.Namespace) -> list[dict[str, float]]:
    """Two layers, ids only, softmax over every item; each event once an epoch."""
    torch.manual_seed(options.seed)
    network = SASRec(len(bench.train.items), length=bench.run.settings.length)

    def judge(network: SASRec) -> float:
        queries = network.queries(bench.run.dataset.events, bench.asked)
        return bench.ndcg(queries, network.item.weight.detach().numpy())

    sampler = bench.run.sampler(bench.train, seed=options.seed)
    return learn(network, sampler, epochs=100, patience=3, most_seconds=options.peer_seconds, judge=judge)


def rectools(bench: Bench, options: argparse.Namespace) -> list[dict[str, float]]:
    """SASRec of RecTools in its own virtual environment."""
    python = peers_python(Path(options.peers_venv))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.npz"
        right = bench.asked.relevant.tocoo()
        asked = np.stack([bench.asked.user[right.row], right.col], axis=1)
        np.savez(file, train=_interactions(bench.train), known=_interactions(bench.both), asked=asked)
        script = Path(__file__).with_name("rectools_sasrec.py")
        command = [str(python), str(script), str(file), "--threads", str(options.threads), "--seed", str(options.seed)]
        command += ["--seconds", str(options.peer_seconds), "--loss", options.peer_loss]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment)
    return [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]


def _interactions(dataset: Dataset) -> np.ndarray:
    events = dataset.events
    return np.stack([events.user.astype(np.int64), events.item.astype(np.int64), np.arange(len(events))], axis=1)


def peers_python(folder: Path) -> Path:
    """The interpreter of the peers' virtual environment, made where it is not there; the same torch as ours."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        pinned = f"torch=={torch.__version__.partition('+')[0]}"
        subprocess.run([*pip, pinned], check=True)  # first, or another one with CUDA comes along
        subprocess.run([*pip, pinned, PEER], check=True)
    return python


def warm(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """A training on all events from the version of the first 95 % of them, beside one from nothing."""
    dataset = bench.run.dataset
    if not dataset.events.time.any():
        return {"skipped": "no times are known"}
    settings = Settings(threads=options.threads)
    until = np.quantile(dataset.events.time, 0.95)
    live = fit(dataset.with_events(dataset.events[dataset.events.time <= until]), settings=settings, seed=options.seed)
    versions = {
        "from nothing": fit(dataset, settings=settings, seed=options.seed),
        "warm": fit(dataset, settings=settings, seed=options.seed, warm_start=live),
    }
    name = dataset.goals[0].name
    models = {
        what: {
            "ndcg@10": trained.report["metrics"][name]["ours"]["ndcg@10"],
            "network ndcg@10": trained.report["metrics"][name]["network"]["ndcg@10"],
            "epochs": len(trained.report["epochs"]),
            "seconds": trained.report["seconds"],
        }
        for what, trained in versions.items()
    }
    cold, warmed = models["from nothing"], models["warm"]
    ratios = {
        "seconds": warmed["seconds"]["all"] / cold["seconds"]["all"],
        "seconds of training": warmed["seconds"]["train"] / max(cold["seconds"]["train"], 1e-9),
        "ndcg@10": warmed["ndcg@10"] / max(cold["ndcg@10"], 1e-9),
        "network ndcg@10": warmed["network ndcg@10"] / max(cold["network ndcg@10"], 1e-9),
    }
    return {"models": models, "ratios": ratios}


PARTS = {"speed": speed, "warm": warm}


def show(part: str, result: dict[str, Any]) -> None:
    """The table for people."""
    print(f"\n{part}")
    for name, values in result.get("models", {}).items():
        cells = [f"{what} {_short(value)}" for what, value in values.items()]
        print(f"  {name:14}" + "  ".join(cells))
    for name, value in result.items():
        if name not in ("models", "curves"):
            print(f"  {name}: {_short(value)}")


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(one)}" for name, one in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
