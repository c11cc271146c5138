"""A dataset folder of seven products, four customers and six orders, small enough to know by heart."""

from __future__ import annotations

import gzip
from pathlib import Path

DAY = 24 * 3600
NEWEST = 1_323_435_000  # a Friday in December 2011

ITEMS = """\
item_id,title,categories,price
MUG,Red spotty mug,Tea & table,1.25
POT,Blue teapot,Tea & table,7.95
TREE,Wooden Christmas tree,Christmas,2.10
STAR,Christmas star,Christmas,0.85
BAG,Jumbo bag red retrospot,Bags & purses,1.95
OLD,Zinc T-light holder,Candles & lights,0.65
NEVER,Nobody's lantern,Candles & lights,9.99
"""
USERS = """\
user_id,country
100,United Kingdom
200,France
300,Spain
400,Italy
"""
ORDERS = (
    ("100", "1", NEWEST - 500 * DAY, {"OLD": 2, "MUG": 1}),
    ("100", "2", NEWEST - 30 * DAY, {"MUG": 6, "POT": 1}),
    ("200", "3", NEWEST - 20 * DAY, {"TREE": 4, "STAR": 12, "BAG": 1}),
    ("200", "4", NEWEST - 10 * DAY, {"STAR": 24}),
    ("300", "5", NEWEST - DAY, {"BAG": 10, "MUG": 2}),
    ("300", "6", NEWEST, {"POT": 1}),
)
LINES = sum(len(order) for _, _, _, order in ORDERS)


def write_folder(path: Path) -> Path:
    """Write the three files."""
    rows = ["user_id,item_id,scenario,event,value,timestamp,basket"]
    for user, number, time, lines in ORDERS:
        rows += [f"{user},{sku},shop,purchase,{quantity},{time},{number}" for sku, quantity in lines.items()]
    texts = {"items": ITEMS, "users": USERS, "interactions": "\n".join(rows) + "\n"}
    for name, text in texts.items():
        (path / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    return path
