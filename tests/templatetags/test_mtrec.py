"""Lists on a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory, override_settings
from django.utils import translation

from mtrec_django import track
from mtrec_django.events.tokens import visitor_of
from mtrec_django.exceptions import NotRegistered
from mtrec_django.models import Item, Recommendation
from tests.serving.world import World
from tests.site.models import Product


@pytest.fixture
def request_(world: World) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    request.session = {}  # type: ignore[assignment]
    track(request, "view", world.product(3, 0))
    return request


def render(text: str, **context: Any) -> str:
    return Template("{% load mtrec %}" + text).render(Context(context))


class Links(HTMLParser):
    """The links of a page and their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs.append(dict(attrs)["href"] or "")
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data.strip()


def test_renders_a_list_for_whoever_asks(world: World, request_: HttpRequest) -> None:
    html = render('{% recommendations "world" n=3 %}', request=request_)
    titles = [re.split("Because|You looked", text)[0] for text in Links(html).texts]
    assert titles == [f"Product 3.{rank}" for rank in range(3)]
    assert "For you</h2>" in html
    assert html.count("You looked at this before") == 1
    assert html.count("Because you viewed Product 3.0") == 2


def test_what_was_shown_is_stored_once_a_list(world: World, request_: HttpRequest) -> None:
    render('{% recommendations "world" n=3 %}{% recommendations "world" n=2 as products %}', request=request_)
    shown = Recommendation.objects.all()
    assert sorted(len(one.items) for one in shown) == [2, 3]
    assert {one.visitor.pk for one in shown if one.visitor} == {shown[0].visitor_id}


def test_stores_the_list_in_a_variable(world: World, request_: HttpRequest) -> None:
    html = render(
        '{% recommendations "world" n=2 queryset=some item=product exclude=out as products %}'
        "{% for product in products %}[{{ product.sku }} {{ product.recommendation.source }}]{% endfor %}",
        request=request_,
        some=Product.objects.exclude(sku="t3-1"),
        product=world.product(3, 2),
        out=[world.product(3, 3)],
    )
    assert html == "[t3-0 again][t3-4 similar]"


def test_similar_items(world: World, request_: HttpRequest) -> None:
    html = render("{% similar_items product n=2 %}", request=request_, product=world.product(5, 0))
    assert [text.split("Similar")[0] for text in Links(html).texts] == ["Product 5.1", "Product 5.2"]
    html = render(
        '{% similar_items product n=2 scenario="world" as them %}{{ them.0.sku }} {{ them.1.sku }}',
        product=world.product(5, 0),
    )
    assert html == "t5-1 t5-2"
    shown = Recommendation.objects.get()  # of the tag that knew a request
    assert (shown.context, shown.scenario, shown.visitor) == (world.item(5, 0), None, None)


def test_links_lead_to_the_click_view(world: World, request_: HttpRequest) -> None:
    links = Links(render('{% recommendations "world" n=3 %}', request=request_)).hrefs
    assert len(set(links)) == 3
    assert all("/go/" in link for link in links)


@override_settings(ROOT_URLCONF="tests.templatetags.no_urls")
def test_links_lead_to_the_object_where_the_site_has_no_click_view(world: World, request_: HttpRequest) -> None:
    links = Links(render('{% recommendations "world" n=2 %}', request=request_)).hrefs
    assert links == ["/products/t3-0/", "/products/t3-1/"]


def test_without_a_request(world: World) -> None:
    world.score(6, 6, popular=3, trending=3)
    assert len(Links(render('{% recommendations "world" n=3 %}')).hrefs) == 3
    assert not Recommendation.objects.exists()


def test_an_empty_list_renders_nothing(world: World, request_: HttpRequest) -> None:
    html = render('{% recommendations "world" queryset=none %}', request=request_, none=Product.objects.none())
    assert html == ""
    assert render("{% similar_items nothing %}", request=request_) == ""


def test_a_title(world: World, request_: HttpRequest) -> None:
    assert "Offers &amp; more</h2>" in render(
        '{% recommendations "world" title=t %}', request=request_, t="Offers & more"
    )
    assert "Similar</h2>" in render("{% similar_items product %}", product=world.product(1, 1))
    world.scenario.title = ""
    world.scenario.save()
    assert "Recommended for you</h2>" in render('{% recommendations "world" %}', request=request_)


def test_titles_are_escaped(world: World, request_: HttpRequest) -> None:
    Product.objects.update(title="<script>alert(1)</script>")
    Item.objects.update(title="<b>bold</b> {item}")
    html = render('{% recommendations "world" n=2 %}', request=request_)
    assert "<script>" not in html
    assert "<b>" not in html
    assert "Because you viewed &lt;b&gt;bold&lt;/b&gt; {item}" in html


TEMPLATES = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "OPTIONS": {
        "loaders": [
            (
                "django.template.loaders.locmem.Loader",
                {
                    "mtrec/world/recommendations.html": "{{ scenario }} {{ title }} {{ recommendations.0 }} {{ also }}",
                    "mtrec/similar_items.html": "ours {{ recommendations.0.sku }}",
                },
            ),
            "django.template.loaders.app_directories.Loader",
        ]
    },
}


@override_settings(TEMPLATES=[TEMPLATES])
def test_a_site_overrides_the_template_of_one_scenario_or_of_all(world: World, request_: HttpRequest) -> None:
    html = render('{% recommendations "world" n=3 %}', request=request_, also="beside")
    assert html == "world For you Product 3.0 beside"
    assert render("{% similar_items product %}", product=world.product(5, 0)) == "ours t5-1"


def test_pages_and_rules(world: World, request_: HttpRequest) -> None:
    loop = " as them %}{% for one in them %}{{ one.sku }} {% endfor %}{{ them.next }}"
    *first, after = render('{% recommendations "world" n=3' + loop, request=request_).split()
    *second, _after = render('{% recommendations "world" n=3 after=after' + loop, request=request_, after=after).split()
    assert first + second == [f"t3-{rank}" for rank in range(6)]
    *mixed, _after = render('{% recommendations "world" n=3 diversity=1' + loop, request=request_).split()
    assert len({sku.split("-")[0] for sku in mixed}) == 3


@override_settings(DEBUG=False)
def test_a_cursor_that_is_none_breaks_no_page(world: World, request_: HttpRequest) -> None:
    assert render('{% recommendations "world" after="!" %}', request=request_) == ""


@override_settings(DEBUG=False)
def test_a_wrong_name_breaks_no_page(world: World, request_: HttpRequest, caplog: pytest.LogCaptureFixture) -> None:
    assert render('{% recommendations "wrold" %}', request=request_) == ""
    assert render('{% recommendations "wrold" as them %}{{ them|length }}', request=request_) == "0"
    assert "wrold" in caplog.text


@override_settings(DEBUG=True)
def test_a_wrong_name_is_told_to_those_who_debug(world: World, request_: HttpRequest) -> None:
    with pytest.raises(NotRegistered):
        render('{% recommendations "wrold" %}', request=request_)


@pytest.mark.parametrize(
    "tag",
    ["{% recommendations %}", '{% recommendations "a" m=3 %}', '{% recommendations "a" 3 %}', "{% similar_items %}"],
)
def test_wrong_syntax(tag: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        Template("{% load mtrec %}" + tag)


def test_reasons_are_translated_when_rendered(
    world: World, request_: HttpRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = Template('{% load mtrec %}{% recommendations "world" n=2 as them %}{{ them.1.recommendation.reason }}')
    assert template.render(Context({"request": request_})) == "Because you viewed Product 3.0"
    catalogue = translation.trans_real.translation("de")  # type: ignore[attr-defined]
    monkeypatch.setitem(catalogue._catalog._catalogs[0], "Because you viewed {item}", "Weil Sie {item} ansahen")
    with translation.override("de"):
        assert template.render(Context({"request": request_})) == "Weil Sie Product 3.0 ansahen"


def test_a_token_of_whoever_looks_at_the_page(world: World, request_: HttpRequest) -> None:
    visitor = visitor_of(render("{% visitor_token %}", request=request_))
    assert visitor is not None
    assert visitor.feedback.count() == 1
    assert render("{% visitor_token %}") == ""
