from __future__ import annotations

from pathlib import Path

import pytest

from example_project.environment import broker_of, database_of, read_state


def test_an_address_becomes_settings() -> None:
    settings = database_of("postgresql://shop:s%40fe@db.example:5433/sales?sslmode=require")

    assert settings["NAME"] == "sales"
    assert (settings["USER"], settings["PASSWORD"]) == ("shop", "s@fe")
    assert (settings["HOST"], settings["PORT"]) == ("db.example", "5433")
    assert settings["OPTIONS"] == {"sslmode": "require"}


def test_a_socket_folder_stands_in_the_query() -> None:
    settings = database_of("postgresql://postgres:@/postgres?host=/run/pg")

    assert (settings["HOST"], settings["PORT"], settings["OPTIONS"]) == ("/run/pg", "", {})


def test_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="must begin with postgresql://, not mysql://"):
        database_of("mysql://localhost/shop")


def test_the_broker_is_the_same_database() -> None:
    assert (
        broker_of("postgresql://postgres@/shop?host=/run/pg") == "sqla+postgresql+psycopg://postgres@/shop?host=/run/pg"
    )


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_state_that_was_cut_off_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)

    assert read_state(tmp_path) == {}
