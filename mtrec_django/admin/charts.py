"""Plots as SVG drawn by pygal: no script, no request, colours from the admin's own theme, so light and dark both read.

pygal's own style sheet is left out (a strict Content-Security-Policy would drop it); `mtrec/charts.css` has ours.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

SIZE = (520, 240)

COLOURS = 8
"""Series that `mtrec/charts.css` tells apart."""

Point = tuple[float, float, str]
"""x, y and what is said of it."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, and the same as a table for those who cannot see it."""

    title: str
    svg: SafeString
    columns: list[str]
    rows: list[list[str]]


def lines(title: str, labels: Sequence[object], series: Mapping[str, Sequence[float | None]], **options: Any) -> Chart:
    """A line for each series over the same labels; None leaves a gap."""
    chart = _started("Line", show_legend=len(series) > 1, legend_at_bottom_columns=min(len(series), 3) or 1, **options)
    chart.x_labels = [str(label) for label in labels]
    for name, values in series.items():
        chart.add(name, list(values))
    rows = [[str(label), *(_said(values[at]) for values in series.values())] for at, label in enumerate(labels)]
    return Chart(title, _svg(chart, title), ["", *series], rows)


def intervals(title: str, rows: Sequence[tuple[str, float, float, float]], unit: str = "") -> Chart:
    """A bar for each (label, value, low, high), with the interval over it."""
    chart = _started("Bar", show_legend=False, formatter=lambda value: f"{value:+.0f}{unit}")
    chart.x_labels = [label for label, *_rest in rows]
    bars = [{"value": value, "ci": {"low": low, "high": high}} for _label, value, low, high in rows]
    reach = [end for _label, value, low, high in rows for end in (0, value, low, high)]
    chart.range = (min(reach), max(reach))
    chart.add(title, bars)
    table = [[label, *(f"{number:+.1f}{unit}" for number in numbers)] for label, *numbers in rows]
    return Chart(title, _svg(chart, title), ["", _("value"), _("low"), _("high")], table)


def scatter(title: str, groups: Mapping[str, Sequence[Point]]) -> Chart:
    """Dots on a plane, a colour for each of at most eight groups; the place on the axes means nothing by itself."""
    chart = _started(
        "XY",
        stroke=False,
        show_x_labels=False,
        show_y_labels=False,
        show_y_guides=False,
        dots_size=2.5,
        height=420,
        legend_at_bottom_columns=4,
    )
    for name, points in groups.items():
        chart.add(name, [{"value": (x, y), "label": said} for x, y, said in points])
    rows = [[name, str(len(points))] for name, points in groups.items()]
    return Chart(title, _svg(chart, title), [_("group"), _("items")], rows)


def _started(kind: str, **options: Any) -> Any:
    width, height = SIZE
    given = {"width": width, "height": height, "legend_at_bottom": True, "margin": 8}
    return getattr(_pygal(), kind)(js=[], css=[], no_data_text=_("No data"), truncate_legend=-1, **(given | options))


@cache
def _pygal() -> Any:
    """The library, without the finder for its map plug-ins: every later import of the process would ask and warn."""
    import pygal

    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder) is not pygal.PluginImportFixer]
    return pygal


def _svg(chart: Any, title: str) -> SafeString:
    """The drawing without pygal's scripts and styles, with each value as the browser's own tooltip."""
    root: Element = chart.render_tree()
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("defs", "script") or "tooltip-overlay" in child.get("class", "") or callable(child.tag):
                parent.remove(child)
    for own_name in root.findall("title"):
        root.remove(own_name)
    root.attrib.pop("id", None)
    root.set("class", "mtrec-chart")
    root.set("role", "img")
    root.set("aria-label", title)
    for group in root.iter("g"):
        _say(group)
        group.attrib.pop("id", None)
    return SafeString(tostring(root, encoding="unicode"))


def _say(group: Element) -> None:
    """Turn what pygal leaves for its script into a title, and drop the rest."""
    said = {str(child.get("class", "")).split(" ")[0]: child.text or "" for child in group.findall("desc")}
    for child in group.findall("desc"):
        group.remove(child)
    text = ": ".join(part for part in (said.get("x_label", ""), said.get("label", "") or said.get("value", "")) if part)
    if text:
        SubElement(group, "title").text = text


def _said(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
