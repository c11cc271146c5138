"""`{% load mtrec %}`: lists of recommendations on a page, without JavaScript.

    {% recommendations "home" n=8 %}                          renders mtrec/recommendations.html
    {% recommendations "home" n=8 queryset=offers item=product as products %}
    {% similar_items product n=6 %}
    {% visitor_token %}                                       for scripts of other origins

A site overrides `mtrec/recommendations.html`, or `mtrec/<scenario>/recommendations.html` for one place only. What was
shown is stored, so the links tell which answer a click came from. An empty list renders nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.db.models import Model
from django.template.base import FilterExpression, Parser, Token
from django.template.context import Context
from django.template.loader import select_template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..events import tokens
from ..events.visitors import consents, is_crawler
from ..exceptions import BadRule, NotRegistered
from ..serving import recommender
from ..serving.complaints import complain
from ..serving.recommendations import Answer, log_shown

register = template.Library()


Ask = Callable[..., Answer]
"""Called with the request (or None), what the tag is about, and the tag's options."""


class ListNode(template.Node):
    """A tag that renders a list, or stores it in a variable."""

    def __init__(self, tag: Tag, about: FilterExpression, options: dict[str, FilterExpression], target: str) -> None:
        self.tag = tag
        self.about = about
        self.options = options
        self.target = target

    def render(self, context: Context) -> str:
        values = {name: option.resolve(context) for name, option in self.options.items()}
        given = {name: value for name, value in values.items() if value is not None and value != ""}
        title = given.pop("title", None)
        answer = self.answer(_request(context), self.about.resolve(context), given)
        if self.target:
            context[self.target] = answer
            return ""
        if not answer:
            return ""
        own = [f"mtrec/{answer.scenario}/{self.tag.name}.html"] if answer.scenario else []
        inside = {
            "recommendations": answer,
            "scenario": answer.scenario,
            "title": title or answer.title or str(self.tag.title),
        }
        chosen = select_template([*own, f"mtrec/{self.tag.name}.html"])
        with context.push(**inside):
            return str(chosen.render(context.flatten(), _request(context)))

    def answer(self, request: Any, about: Any, options: dict[str, Any]) -> Answer:
        """The list for this page, logged. A wrong name breaks the page of those who debug, and nobody else's."""
        try:
            answer = self.tag.ask(request, about, **options)
        except (NotRegistered, BadRule) as error:
            if settings.DEBUG:
                raise
            complain(f"{{% {self.tag.name} %}} shows nothing", error)
            return Answer(scenario="")
        log_shown(answer)
        return answer


@dataclass(frozen=True, slots=True)
class Tag:
    """What the two tags differ in."""

    name: str
    ask: Ask
    options: frozenset[str]
    title: str | Promise

    def parse(self, parser: Parser, token: Token) -> ListNode:
        """`{% name about option=value … as variable %}`."""
        _tag, *bits = token.split_contents()
        target = ""
        if len(bits) > 1 and bits[-2] == "as":
            target, bits = bits[-1], bits[:-2]
        if not bits:
            raise template.TemplateSyntaxError(f"{self.name!r} begins with what it is about")
        given = {}
        for bit in bits[1:]:
            name, separator, value = bit.partition("=")
            if not separator or name not in self.options:
                raise template.TemplateSyntaxError(f"{self.name!r} takes {sorted(self.options)}, not {bit!r}")
            given[name] = parser.compile_filter(value)
        return ListNode(self, parser.compile_filter(bits[0]), given, target)


def _similar_items(request: Any, about: Any, **options: Any) -> Answer:
    if not isinstance(about, Model):  # a variable that is not there
        return Answer(scenario="")
    answer = recommender.similar_items(about, **options)
    answer.crawled = request is not None and is_crawler(request)
    answer.consent = request is not None and not answer.crawled and consents(request)
    return answer


def _request(context: Context) -> Any:
    return context.get("request")


RECOMMENDATIONS = Tag(
    "recommendations",
    recommender.recommend,
    frozenset({"n", "queryset", "item", "exclude", "after", "diversity", "minimum", "title"}),
    _("Recommended for you"),
)
SIMILAR_ITEMS = Tag(
    "similar_items",
    _similar_items,
    frozenset({"n", "scenario", "queryset", "exclude", "diversity", "minimum", "title"}),
    _("Similar"),
)


@register.simple_tag(takes_context=True)
def visitor_token(context: Context) -> str:
    """A signed token of whoever looks at the page, for `mtrec.js`; makes it a page that must not be cached."""
    request = _request(context)
    return tokens.visitor_token(request) if request is not None else ""


register.tag("recommendations", RECOMMENDATIONS.parse)
register.tag("similar_items", SIMILAR_ITEMS.parse)
