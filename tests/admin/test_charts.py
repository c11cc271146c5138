"""Plots: what is drawn, what is said to those who cannot see it, and that nothing in them runs."""

from __future__ import annotations

import sys
from importlib.metadata import version
from xml.etree.ElementTree import Element, fromstring

from mtrec_django.admin import charts

SVG = "{http://www.w3.org/2000/svg}"


def parsed(chart: charts.Chart) -> Element:
    return fromstring(chart.svg)  # noqa: S314  our own drawing


def said(chart: charts.Chart) -> list[str]:
    return [title.text or "" for title in parsed(chart).iter(f"{SVG}title")]


def test_lines_are_drawn_and_told() -> None:
    chart = charts.lines("Loss by epoch", [1, 2, 3], {"loss": [5.0, 4.0, 3.5], "other": [1.0, None, 2.0]})
    root = parsed(chart)
    assert root.get("role") == "img" and root.get("aria-label") == "Loss by epoch"
    assert len(list(root.iter(f"{SVG}circle"))) == 5  # a dot for each value that is there
    assert "2: 4" in said(chart)
    assert chart.columns == ["", "loss", "other"]
    assert chart.rows == [["1", "5", "1"], ["2", "4", "–"], ["3", "3.5", "2"]]


def test_an_interval_stands_over_its_bar() -> None:
    chart = charts.intervals("Better than", [("popularity", 120, 80, 160), ("ItemKNN", -5, -20, 10)], " %")
    groups = [group.get("class") for group in parsed(chart).iter(f"{SVG}g")]
    assert groups.count("bar") == groups.count("ci") == 2
    assert "popularity: +120 %" in said(chart)
    assert chart.rows[1] == ["ItemKNN", "-5.0 %", "-20.0 %", "+10.0 %"]


def test_each_group_of_a_map_has_its_colour_and_legend() -> None:
    chart = charts.scatter("Map", {"tea": [(0, 0, "Green"), (1, 1, "Black")], "cups": [(5, 5, "Mug")]})
    assert {"Green", "Black", "Mug"} <= {text.split(": ")[-1] for text in said(chart)}
    assert {text.text for text in parsed(chart).iter(f"{SVG}text")} >= {"tea", "cups"}
    assert chart.rows == [["tea", "2"], ["cups", "1"]]


def test_nothing_in_a_plot_runs_or_breaks_a_strict_policy() -> None:
    chart = charts.scatter("<script>", {"<b>": [(0, 0, "</svg><script>alert(1)</script>")]})
    tags = {element.tag for element in parsed(chart).iter()}
    assert not tags & {f"{SVG}script", f"{SVG}style"}
    assert not [element for element in parsed(chart).iter() if element.get("style")]
    assert "<script>" not in chart.svg


def test_one_value_and_none_are_drawn() -> None:
    assert charts.lines("One", ["a"], {"x": [1.0]}).rows == [["a", "1"]]
    assert "No data" in charts.lines("None", [], {}).svg


def test_drawing_leaves_the_imports_of_the_process_alone() -> None:
    charts.lines("One", ["a"], {"x": [1.0]})
    assert version("pygal")  # what is installed can still be asked
    assert not [finder for finder in sys.meta_path if type(finder).__name__ == "PluginImportFixer"]
