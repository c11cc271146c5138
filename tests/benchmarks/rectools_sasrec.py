"""RecTools' SASRec, epoch by epoch; `training` runs it in the virtual environment of the peers.

    python rectools_sasrec.py DATA.npz --threads 1 --epochs 100 --patience 3 --seconds 1200

Reads `train`, `known` [rows, (user, item, order)] and `asked` [questions, (user, item)]; prints a JSON line an epoch.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings

import numpy as np
import pandas as pd
import torch
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel


def main() -> None:
    options = parser().parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    data = np.load(options.data)
    train, known = frame(data["train"]), frame(data["known"])
    # The sizes of ours and the defaults for the rest: a network of 256 on sessions of 100 would take 16 times as long.
    model = SASRecModel(n_factors=64, n_heads=2, session_max_len=50, loss=options.loss, n_negatives=options.negatives)
    seconds, best, waited = 0.0, -1.0, 0
    for epoch in range(1, options.epochs + 1):
        started = time.perf_counter()
        model.fit_partial(train, min_epochs=1, max_epochs=1)
        seconds += time.perf_counter() - started
        value = ndcg(model, known, data["asked"])
        print(json.dumps({"epoch": epoch, "seconds": round(seconds, 2), "ndcg@10": value}), flush=True)
        waited = 0 if value > best else waited + 1
        best = max(best, value)
        if waited >= options.patience or seconds > options.seconds:
            break


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("data")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--epochs", type=int, default=100)
    made.add_argument("--patience", type=int, default=3)
    made.add_argument("--seconds", type=float, default=1200)
    made.add_argument("--loss", default="softmax")
    made.add_argument("--negatives", type=int, default=1)
    made.add_argument("--seed", type=int, default=0)
    return made


def frame(rows: np.ndarray) -> Dataset:
    columns = {Columns.User: rows[:, 0], Columns.Item: rows[:, 1], Columns.Weight: 1.0}
    moments = pd.to_datetime(rows[:, 2], unit="s")
    return Dataset.construct(pd.DataFrame({**columns, Columns.Datetime: moments}))


def ndcg(model: SASRecModel, known: Dataset, asked: np.ndarray) -> float:
    """NDCG@10 of one right answer a question, over all questions: those it cannot answer count nothing."""
    users = np.intersect1d(asked[:, 0], known.user_id_map.external_ids)
    lists = model.recommend(users, known, k=10, filter_viewed=True, on_unsupported_targets="ignore")
    right = lists.merge(pd.DataFrame(asked, columns=[Columns.User, Columns.Item]), on=[Columns.User, Columns.Item])
    return float((1 / np.log2(right[Columns.Rank] + 1)).sum() / len(asked))


if __name__ == "__main__":
    main()
