"""What sites write as options, and what serving makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from mtrec_django.exceptions import BadRule
from mtrec_django.retrieval.candidates import DEFAULT
from mtrec_django.retrieval.policy import Policy, Rotation, option_problems, read_options


def test_nothing_said_is_the_default() -> None:
    assert Policy(**read_options({})) == Policy()
    assert Policy(**read_options({"candidates": [], "at_most": {}, "rotation": None, "minimum": None})) == Policy()
    assert Policy().candidates == DEFAULT


def test_options_become_fields_and_what_others_read_is_passed_over() -> None:
    options = {
        "candidates": ["new", "popular", "new"],
        "at_most": {"brand": 2},
        "diversity": 0.5,
        "minimum": 0,
        "rotation": {"factor": 0.5},
        "in_session": True,
    }
    assert Policy(**read_options(options)) == Policy(("new", "popular"), {"brand": 2}, 0.5, 0.0, Rotation(0.5, 24.0))


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("candidates", "personal", "list of names"),
        ("candidates", ["personal", 3], "list of names"),
        ("candidates", ["magic"], "No candidate source 'magic'"),
        ("at_most", {"brand": 0}, "share a label"),
        ("at_most", {"brand": True}, "share a label"),
        ("at_most", 3, "share a label"),
        ("diversity", 1.1, "from 0 to 1"),
        ("diversity", "0.5", "from 0 to 1"),
        ("diversity", float("nan"), "from 0 to 1"),
        ("diversity", True, "from 0 to 1"),
        ("minimum", 2, "cosine"),
        ("rotation", 0.5, "factor"),
        ("rotation", {"hours": 3}, "factor"),
        ("rotation", {"factor": -1}, "factor"),
        ("rotation", {"factor": 0.5, "days": 3}, "factor"),
    ],
)
def test_what_makes_no_sense_is_named(option: str, value: Any, words: str) -> None:
    with pytest.raises(BadRule, match=words):
        read_options({"in_session": True, option: value})
    problems = option_problems({"diversity": 0.2, option: value})
    assert list(problems) == [option]
    assert problems[option].option == option
