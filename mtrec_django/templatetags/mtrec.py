"""`{% load mtrec %}`: lists of recommendations on a page, without JavaScript.

    {% recommendations "home" n=8 %}                          renders mtrec/recommendations.html
    {% recommendations "home" n=8 queryset=offers item=product as products %}
    {% similar_items product n=6 %}

A site overrides `mtrec/recommendations.html`, or `mtrec/<scenario>/recommendations.html` for one place only. What was
shown is stored, so the links tell which answer a click came from. An empty list renders nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template
from django.conf import settings
from django.db.models import Model, QuerySet
from django.template.base import FilterExpression, Parser, Token
from django.template.context import Context
from django.template.loader import select_template
from django.utils.translation import gettext as _

from ..exceptions import NotRegistered
from ..serving import recommender
from ..serving.complaints import complain
from ..serving.recommendations import Answer, log_shown

register = template.Library()


class ListNode(template.Node):
    """A tag that renders a list, or stores it in a variable."""

    def __init__(self, name: str, first: FilterExpression, options: dict[str, FilterExpression], target: str) -> None:
        self.name = name
        self.first = first
        self.options = options
        self.target = target

    def render(self, context: Context) -> str:
        options = {name: option.resolve(context) for name, option in self.options.items()}
        title = options.pop("title", None)
        answer = self.answer(context, self.first.resolve(context), options)
        if self.target:
            context[self.target] = answer
            return ""
        if not answer:
            return ""
        names = [f"mtrec/{answer.scenario}/{self.name}.html"] if answer.scenario else []
        inside = {
            "recommendations": answer,
            "scenario": answer.scenario,
            "title": title or answer.title or self.default_title(),
        }
        with context.push(**inside):
            return str(
                select_template([*names, f"mtrec/{self.name}.html"]).render(context.flatten(), _request(context))
            )

    def answer(self, context: Context, first: Any, options: dict[str, Any]) -> Answer:
        """The list for this page, logged; empty instead of an error where only a name is wrong and nobody debugs."""
        try:
            answer = self.ask(_request(context), first, **options)
        except NotRegistered as error:
            if settings.DEBUG:
                raise
            complain(f"{{% {self.name} %}} shows nothing", "%s", error)
            return Answer(scenario="")
        log_shown(answer)
        return answer

    def ask(self, request: Any, first: Any, **options: Any) -> Answer:
        raise NotImplementedError

    def default_title(self) -> str:
        raise NotImplementedError


class RecommendationsNode(ListNode):
    """Of a scenario."""

    def ask(
        self,
        request: Any,
        first: str,
        n: int = 10,
        queryset: QuerySet[Any] | None = None,
        item: Model | None = None,
        exclude: Iterable[Model] = (),
    ) -> Answer:
        return recommender.recommend(request, first, n, queryset=queryset, item=item or None, exclude=exclude or ())

    def default_title(self) -> str:
        return _("Recommended for you")


class SimilarItemsNode(ListNode):
    """Of an object."""

    def ask(
        self,
        request: Any,
        first: Model,
        n: int = 6,
        scenario: str | None = None,
        queryset: QuerySet[Any] | None = None,
    ) -> Answer:
        if not isinstance(first, Model):  # a variable that is not there
            return Answer(scenario="")
        return recommender.similar_items(first, n, scenario=scenario or None, queryset=queryset)

    def default_title(self) -> str:
        return _("Similar")


def _request(context: Context) -> Any:
    return context.get("request") or getattr(context, "request", None)


def _parse(parser: Parser, token: Token, node: type[ListNode], names: frozenset[str]) -> ListNode:
    tag, *bits = token.split_contents()
    target = ""
    if len(bits) > 1 and bits[-2] == "as":
        target = bits[-1]
        bits = bits[:-2]
    if not bits or "=" in bits[0].split('"')[0].split("'")[0]:
        raise template.TemplateSyntaxError(f"{tag!r} begins with what it is about")
    options = {}
    for bit in bits[1:]:
        name, separator, value = bit.partition("=")
        if not separator or name not in names:
            raise template.TemplateSyntaxError(f"{tag!r} takes {sorted(names)}, not {bit!r}")
        options[name] = parser.compile_filter(value)
    return node(tag, parser.compile_filter(bits[0]), options, target)


@register.tag
def recommendations(parser: Parser, token: Token) -> ListNode:
    """`{% recommendations "scenario" n=8 queryset=… item=… exclude=… title=… as variable %}`; a name is enough."""
    names = frozenset({"n", "queryset", "item", "exclude", "title"})
    return _parse(parser, token, RecommendationsNode, names)


@register.tag
def similar_items(parser: Parser, token: Token) -> ListNode:
    """`{% similar_items object n=6 scenario=… queryset=… title=… as variable %}`, all but the object optional."""
    return _parse(parser, token, SimilarItemsNode, frozenset({"n", "scenario", "queryset", "title"}))
