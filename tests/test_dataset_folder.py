from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest

from mtrec_django.dataset_folder import (
    BadRow,
    Interaction,
    iter_interactions,
    iter_items,
    iter_relations,
    iter_users,
    read_folder,
)

FILES = {
    "interactions": [
        "user_id,item_id,scenario,event,value,timestamp",
        "u1,a,food,view,1,100",
        "u1,b,food,purchase,2.5,2020-01-01T00:00:00Z",
        "u1,a,food,view,1,100",
        "u1,a,food,view,much,100",
        "u1,a,food,view,inf,100",
        "u1,a,food,view,1,yesterday",
        "u1,a,food,view,1,-5",
        "u1,zzz,food,view,1,100",
        ",a,food,view,1,100",
        "u1,a,food",
        "u2,c,kitchen,dislike,,300",
        "u2,d,,impression,,",
    ],
    "items": [
        "item_id,scenario,title,categories,brand,weight",
        *(f"{item},food,Title {item},x|y,brand {item},{number}" for number, item in enumerate("abcd")),
        "k,kitchen,Pan,,,",
    ],
    "users": ["user_id,age", "u1,20", "u2,"],
    "relations": ["user_id,other_id,kind,weight", "u1,u2,friend,0.5", "u1,u9,friend,1", "u2,u1,friend,odd"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, lines in FILES.items():
        with gzip.open(tmp_path / f"{name}.csv.gz", "wt") as file:
            file.write("\n".join(lines) + "\n")
    return tmp_path


def test_rows_stream_in_file_order_with_their_causes(folder: Path) -> None:
    rows = list(iter_interactions(folder))
    assert rows[0] == Interaction("u1", "a", "food", "view", 1.0, 100)
    assert isinstance(rows[1], Interaction)
    assert rows[1].time == 1_577_836_800
    assert [(row.line, row.cause) for row in rows if isinstance(row, BadRow)] == [
        (5, "bad number"),
        (6, "bad number"),
        (7, "bad time"),
        (8, "bad time"),
        (10, "missing id"),
        (11, "short row"),
    ]


def test_nothing_is_lost_in_silence(folder: Path) -> None:
    read = read_folder(folder)
    assert read.problems == {
        "bad number": 2,
        "bad time": 2,
        "missing id": 1,
        "short row": 1,
        "unknown item": 1,
        "duplicate": 1,
    }
    assert len(read.dataset.events) == 4


def test_scenarios_become_goals_and_know_their_catalogue(folder: Path) -> None:
    data = read_folder(folder).dataset
    goals = {goal.name: goal.weights for goal in data.goals}
    assert goals == {"food": {"view": 1.0, "purchase": 1.0}, "kitchen": {"dislike": -1.0}}
    food, kitchen = data.catalogue
    assert data.items.ids[food].tolist() == ["a", "b", "c", "d"]
    assert data.items.ids[kitchen].tolist() == ["c", "k"]


def test_unknown_columns_are_features(folder: Path) -> None:
    rows = list(iter_items(folder))
    assert not isinstance(rows[0], BadRow)
    assert rows[0].features == {"brand": "brand a", "weight": "0"}
    assert rows[0].categories == ["x", "y"]
    data = read_folder(folder, encode=lambda texts: np.ones((len(texts), 2), np.float32)).dataset
    assert set(data.items.categories) == {"brand", "weight", "categories"}
    assert data.items.content.shape == (5, 2)
    assert [row.features for row in iter_users(folder) if not isinstance(row, BadRow)] == [{"age": "20"}, {"age": ""}]


def test_relations_name_known_visitors(folder: Path) -> None:
    assert [type(row).__name__ for row in iter_relations(folder)] == ["RelationRow", "RelationRow", "BadRow"]
    relations = read_folder(folder).dataset.users.relations
    assert relations is not None
    assert [column.tolist() for column in relations] == [[0], [1], [0.5]]


def test_equal_times_are_in_the_order_of_the_hash(tmp_path: Path) -> None:
    items = [f"item{number}" for number in range(20)]
    lines = ["user_id,item_id,event,timestamp", *(f"u,{item},view,500" for item in items)]
    (tmp_path / "interactions.csv").write_text("\n".join(lines))
    data = read_folder(tmp_path).dataset
    order = [str(data.items.ids[item]) for item in data.events.item]
    assert order == sorted(items, key=lambda item: zlib.crc32(f"u|{item}".encode()))


def test_a_split_is_kept_and_orders_events_without_times(tmp_path: Path) -> None:
    lines = ["user_id,item_id,event,split", "u,a,view,test", "u,b,view,train", "u,c,view,train"]
    (tmp_path / "interactions.csv").write_text("\n".join(lines))
    read = read_folder(tmp_path)
    assert read.split is not None
    assert read.split.tolist() == [0, 0, 2]


def test_a_file_without_ids_is_refused(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_text("who,what\n1,2\n")
    with pytest.raises(ValueError, match="user_id"):
        list(iter_interactions(tmp_path))
