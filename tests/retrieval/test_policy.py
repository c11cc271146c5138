"""What sites write as options, and what serving makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from mtrec_django.exceptions import BadRule
from mtrec_django.retrieval.policy import Policy, Rotation, option_problems, read_options
from mtrec_django.retrieval.sources import DEFAULT
from tests.site.models import Brand, Product


def test_nothing_said_is_the_default() -> None:
    assert Policy(**read_options({})) == Policy()
    assert Policy(**read_options({"candidates": [], "at_most": {}, "rotation": None, "minimum": None})) == Policy()
    assert Policy().candidates == DEFAULT


def test_options_become_fields_and_what_others_read_is_passed_over() -> None:
    options = {
        "candidates": ["new", "popular", "new"],
        "weights": {"bought": 0.5},
        "boost": {"cheap": 2},
        "hide": ["dear"],
        "at_most": {"brand": 2},
        "diversity": 0.5,
        "minimum": 0,
        "rotation": {"factor": 0.5},
        "in_session": True,
    }
    assert Policy(**read_options(options)) == Policy(
        candidates=("new", "popular"),
        weights={"bought": 0.5},
        boost=(("cheap", 2.0),),
        hide=("dear",),
        at_most={"brand": 2},
        diversity=0.5,
        minimum=0.0,
        rotation=Rotation(0.5, 24.0),
    )


def test_a_call_may_name_querysets() -> None:
    cheap = Product.objects.filter(price__lt=3)
    assert read_options({"boost": [(cheap, 2), ("dear", 0)], "hide": [cheap]}) == {
        "boost": ((cheap, 2.0), ("dear", 0.0)),
        "hide": (cheap,),
    }


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("candidates", "personal", "list of names"),
        ("candidates", ["personal", 3], "list of names"),
        ("candidates", ["magic"], "No candidate source 'magic'"),
        ("weights", {"magic": 1}, "No candidate source 'magic'"),
        ("weights", {"popular": 1}, "that are scored"),
        ("weights", {"bought": -1}, "that are scored"),
        ("weights", ["bought"], "that are scored"),
        ("boost", {"chep": 2}, "Did you mean 'cheap'"),
        ("boost", {"cheap": -1}, "factors"),
        ("boost", {"cheap": "much"}, "factors"),
        ("boost", 3, "factors"),
        ("boost", [("cheap", 1, 2)], "factors"),
        ("boost", [(3, 1)], "name or a queryset"),
        ("boost", [(Brand.objects.all(), 1)], "Brand"),
        ("hide", "cheap", "list of collections"),
        ("hide", ["chep"], "Did you mean 'cheap'"),
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
