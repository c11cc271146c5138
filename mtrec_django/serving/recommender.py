"""`recommend()` and `similar_items()`: what a site calls."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Unpack

from asgiref.sync import sync_to_async
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from ..catalog.registry import source_for
from ..events.visitors import consents, is_crawler
from ..exceptions import BadRule
from ..models import Scenario, Visitor
from ..retrieval.policy import Rules, read_options
from ..retrieval.statement import Fragment
from . import live
from .answering import UNAVAILABLE, answer
from .complaints import complain
from .cursors import unpack
from .live import Live
from .query import OnPage, known, who
from .question import Question
from .recommendations import Answer
from .splitting import identity_of, identity_of_visitor


def recommend(
    request: Any,
    scenario: str,
    n: int = 10,
    *,
    queryset: QuerySet[Any] | None = None,
    item: Model | None = None,
    exclude: Iterable[Model] | QuerySet[Any] = (),
    after: str = "",
    **rules: Unpack[Rules],
) -> Answer:
    """The n best objects for whoever asks, in a scenario, each with `.recommendation`.

    Exactly n, unless fewer are allowed at all; then the answer's `short` is true. Nothing is stored: see `log_shown`.

    Args:
        request: any request; with a user or a session the answer is personal, with None it is not.
        queryset: what may be shown, as a queryset of one of the scenario's models; objects come from it as it is
            (`select_related` and all).
        item: the object that the page is about: it counts as viewed just now, and is not shown.
        exclude: objects not to be shown, or a queryset of them.
        after: the `next` of an answer: the page after it, without repeats.
        rules: candidate sources and rules that are other than the scenario says, as `diversity=0.3`.

    Raises:
        NotRegistered: when there is no such scenario, or a model is no item source.
        BadRule: for a rule or a cursor that makes no sense.
    """
    crawled = request is not None and is_crawler(request)
    consent = request is not None and not crawled and consents(request)
    visitor = who(request) if consent else None
    identity = identity_of(request) if consent else ""
    question = _question(scenario, n, visitor, identity, queryset, item, exclude, after, rules)
    made = answer(question, consent=consent)
    made.crawled = crawled
    return made


def recommend_for(
    visitor: Visitor | None,
    scenario: str,
    n: int = 10,
    *,
    queryset: QuerySet[Any] | None = None,
    item: Model | None = None,
    exclude: Iterable[Model] | QuerySet[Any] = (),
    after: str = "",
    **rules: Unpack[Rules],
) -> Answer:
    """The same for a known visitor, without a request: for the API, commands and e-mails."""
    question = _question(
        scenario, n, known(visitor), identity_of_visitor(visitor), queryset, item, exclude, after, rules
    )
    return answer(question, consent=visitor is not None)


def rehearse(
    visitor: Visitor | None, scenario: str, n: int = 10, *, version: int | None = None, until: datetime | None = None
) -> Answer:
    """The list that a visitor would get outside of every experiment, by another version or as of an earlier moment.

    As of then is the visitor's history; what is available, and how popular it is, is as of now.

    Raises:
        NotRegistered: when there is no such scenario.
    """
    place = live.served_by(scenario, version) if version is not None else _place(scenario)
    return answer(Question(place, n, known(visitor), fixed=True, until=until), consent=False)


def similar_items(
    obj: Model,
    n: int = 10,
    *,
    scenario: str | None = None,
    queryset: QuerySet[Any] | None = None,
    exclude: Iterable[Model] | QuerySet[Any] = (),
    **rules: Unpack[Rules],
) -> Answer:
    """The n objects most like one, whoever asks: by meaning and by what visitors chose together.

    `scenario` says which version, models and rules; without it the first that shows objects like this one. Pins,
    rotation and candidate sources do not apply.
    """
    on_page = OnPage.of(obj)
    place = _place(scenario) if scenario else _place_of(on_page.label)
    only = "" if scenario else on_page.label
    objects, without = _left_out(exclude)
    question = Question(
        place,
        n,
        queryset=queryset,
        on_page=on_page,
        exclude=objects,
        without=without,
        similar=True,
        only=only,
        changes=read_options(rules),
    )
    return answer(question, consent=False)


arecommend = sync_to_async(recommend)
"""`recommend` for asynchronous views; it runs where Django runs all database work of the request."""

asimilar_items = sync_to_async(similar_items)
"""`similar_items` for asynchronous views."""


def _question(
    scenario: str,
    n: int,
    visitor: Fragment | None,
    identity: str,
    queryset: QuerySet[Any] | None,
    item: Model | None,
    exclude: Iterable[Model] | QuerySet[Any],
    after: str,
    rules: Rules,
) -> Question:
    objects, without = _left_out(exclude)
    return Question(
        _place(scenario).of(identity),
        n,
        visitor,
        queryset,
        OnPage.of(item) if item is not None else None,
        exclude=objects,
        without=without,
        shown=_before(after),
        changes=read_options(rules),
        identity=identity,
    )


def _left_out(exclude: Iterable[Model] | QuerySet[Any]) -> tuple[tuple[OnPage, ...], tuple[QuerySet[Any], ...]]:
    """Single objects and whole querysets; a queryset is never read, it is asked within the search."""
    if not isinstance(exclude, QuerySet):
        return tuple(map(OnPage.of, exclude)), ()
    source_for(exclude.model)
    return (), (exclude,)


def _before(after: str) -> tuple[int, ...]:
    """The items on the pages before.

    Raises:
        BadRule: for what is no cursor.
    """
    shown = unpack(after) if after else []
    if shown is None:
        raise BadRule("after", _("This is no cursor."))
    return tuple(shown)


def _place(name: str) -> Live:
    """The scenario; one that shows nothing where the database cannot tell."""
    try:
        return live.scenario(name)
    except UNAVAILABLE as error:
        complain("scenarios are not known", error)
        return Live(Scenario(name=name, enabled=False))


def _place_of(label: str) -> Live:
    """Where such objects are shown, best a place with a version; else nowhere, and counts of no scenario decide."""
    try:
        places = [place for place in live.scenarios() if place.scenario.enabled and label in place.labels]
    except UNAVAILABLE as error:
        complain("scenarios are not known", error)
        places = []
    places.sort(key=lambda place: place.base is None)
    return places[0] if places else Live(Scenario(name="", sources=[label]))
