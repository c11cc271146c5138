"""How the shop's dataset folder was made from Online Retail II: `python -m example_project.shop.derive SOURCE`.

SOURCE is a dataset folder (`interactions.csv.gz`, `items.csv.gz`, `users.csv.gz`) with the rows of both years. What is
changed is written down in `data/README.md`; this file is the proof.
"""

from __future__ import annotations

import csv
import gzip
import lzma
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from .categories import shelf_of
from .titles import clean_title

DATA = Path(__file__).parent / "data"
NOT_GOODS = re.compile(r"POST|DOT|M|C2|D|PADS|ADJUST\d*|BANK CHARGES|TEST\d+")
"""Stock codes that are postage, carriage, charges, corrections by hand or tests."""

FIRST_MADE_UP_ORDER = 600001
COLUMNS = ("user_id", "item_id", "scenario", "event", "value", "timestamp", "basket")

Row = dict[str, str]


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a gzip CSV."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def number_orders(rows: list[Row]) -> None:
    """Give every row a basket, in place: the second year has none, so a user's minute is an order there."""
    made_up: dict[tuple[str, str], str] = {}
    started: dict[str, str] = {}
    for row in rows:
        if not row["basket"]:
            minute = (row["user_id"], row["timestamp"])
            row["basket"] = made_up.setdefault(minute, str(FIRST_MADE_UP_ORDER + len(made_up)))
        row["timestamp"] = started.setdefault(row["basket"], row["timestamp"])  # an order has one time: its first


def write_lines(lines: Iterable[Iterable[str]], path: Path) -> None:
    """Write rows as CSV, packed as the name says, with nothing in it that differs between two runs."""
    text = "".join(",".join(_quoted(cell) for cell in line) + "\n" for line in lines).encode()
    if path.suffix == ".xz":
        path.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    else:
        path.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if re.search(r'[",\n]', cell) else cell


def derive(source: Path, target: Path = DATA) -> None:
    """Write the three files of the shop."""
    goods = [row for row in read_rows(source / "items.csv.gz") if not NOT_GOODS.fullmatch(row["item_id"])]
    known = {row["item_id"] for row in goods}
    events = list(read_rows(source / "interactions.csv.gz"))
    rows = sorted(
        (row for row in events if row["item_id"] in known),
        key=lambda row: (int(row["timestamp"]), int(row["user_id"]), row["basket"], row["item_id"]),
    )
    number_orders(rows)
    write_lines([COLUMNS, *([row[name] for name in COLUMNS] for row in rows)], target / "interactions.csv.xz")
    items = []
    for row in goods:
        title = clean_title(row["title"])
        price = max(round(float(row["price"]), 2), 0.01)
        items.append([row["item_id"], title, shelf_of(title).name, f"{price:.2f}"])
    write_lines([["item_id", "title", "categories", "price"], *items], target / "items.csv.gz")
    users = [[row["user_id"], row["country"]] for row in read_rows(source / "users.csv.gz")]
    write_lines([["user_id", "country"], *users], target / "users.csv.gz")
    orders = len({row["basket"] for row in rows})
    told = f"{len(items)} items, {len(users)} users, {len(rows)} rows in {orders} orders"
    sys.stdout.write(f"{told}; left out: {len(events) - len(rows)} rows\n")


if __name__ == "__main__":
    derive(Path(sys.argv[1]))
