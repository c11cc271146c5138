"""A plane on which items that the model holds for similar lie together, coloured by category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _

from ..models import Item, ItemScore, ItemVector, ModelVersion
from .charts import COLOURS, Chart, Point, scatter

ITEMS = 600
"""Dots that a page can hold and a reader tell apart."""

Floats = npt.NDArray[np.float32]


def item_map(version: ModelVersion) -> Chart | None:
    """The most popular items by the vectors of a version; None when there are too few to tell anything apart."""
    rows = ItemVector.objects.filter(version=version.base_id, item__in=_popular(version)).values_list(
        "item_id", "vector"
    )
    vectors = {item: np.asarray(vector, np.float32) for item, vector in rows}
    items = {item.pk: item for item in Item.objects.filter(pk__in=vectors).only("title", "categories")}
    known = [item for item in vectors if item in items]
    if len(known) < 3:
        return None
    labels = groups([items[item].categories for item in known])
    places = plane(np.stack([vectors[item] for item in known]), labels)
    dots: dict[str, list[Point]] = {label: [] for label, _count in Counter(labels).most_common()}
    for item, label, (x, y) in zip(known, labels, places.tolist(), strict=True):
        dots[label].append((x, y, str(items[item])))
    return scatter(_("The most popular items, similar ones together"), dots)


def groups(categories: Sequence[Mapping[str, Sequence[str]]]) -> list[str]:
    """A label for each item: its first one of the category field that most items fill; the rare ones are one group."""
    filled = Counter(field for each in categories for field, labels in each.items() if labels)
    if not filled:
        return [_("items")] * len(categories)
    field = filled.most_common(1)[0][0]
    first = [str((each.get(field) or [""])[0]) for each in categories]
    common = {label for label, _count in Counter(label for label in first if label).most_common(COLOURS - 1)}
    return [label if label in common else _("others") for label in first]


def plane(vectors: Floats, labels: Sequence[str]) -> Floats:
    """The two directions in which the groups' means differ most, the widest spread where there are fewer groups.

    Principal components of the means between groups, as a discriminant analysis takes them (Rao 1948), without its
    whitening: distances on the plane stay distances of vectors. [items, dim] -> [items, 2]
    """
    centred = vectors - vectors.mean(axis=0)
    names = np.array(labels)
    means = [np.sqrt((names == name).sum()) * centred[names == name].mean(axis=0) for name in np.unique(names)]
    spread = np.stack(means) if len(means) > 2 else centred  # [groups or items, dim]
    directions = np.linalg.svd(spread, full_matrices=False)[2][:2]  # [2, dim]
    return np.asarray(centred @ directions.T, dtype=np.float32)


def _popular(version: ModelVersion) -> list[int]:
    """Primary keys of the items that matter most in the scenarios of a version; any when nothing was counted yet."""
    scores = ItemScore.objects.filter(scenario__name__in=list(version.metrics)).order_by("-popular")
    found = list(dict.fromkeys(scores.values_list("item_id", flat=True)[: 4 * ITEMS]))[:ITEMS]
    return found or list(Item.objects.order_by("pk").values_list("pk", flat=True)[:ITEMS])
