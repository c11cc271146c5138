"""What a click on a recommended item does."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from mtrec_django.models import Feedback, Item, Visitor
from mtrec_django.serving.recommendations import log_shown, sign
from mtrec_django.serving.recommender import recommend_for
from tests.serving.conftest import _fresh_process, world
from tests.serving.world import World
from tests.site.models import Article, Product

__all__ = ["_fresh_process", "world"]


@pytest.fixture
def link(world: World) -> str:
    """To Product 3.0, as an answer of the scenario shows it."""
    answer = recommend_for(Visitor.objects.create(), "world", 5, queryset=Product.objects.filter(sku="t3-0"))
    log_shown(answer)
    return str(answer[0].recommendation.url)


def test_a_click_is_recorded_and_leads_to_the_item(world: World, link: str, client: Client) -> None:
    response = client.get(link)
    assert (response.status_code, response["Location"]) == (302, "/products/t3-0/")
    assert "no-store" in response["Cache-Control"]
    click = Feedback.objects.get()
    assert (click.kind, click.item, click.scenario) == ("click", world.item(3, 0), world.scenario)
    assert click.recommendation is not None
    assert click.visitor.user is None


def test_a_click_of_a_signed_in_user(link: str, client: Client) -> None:
    user = User.objects.create(username="ada")
    client.force_login(user)
    client.get(link)
    assert Feedback.objects.get().visitor.user == user


def test_clicked_twice_counts_once(link: str, client: Client) -> None:
    client.get(link)
    assert client.get(link).status_code == 302
    assert Feedback.objects.count() == 1


def test_another_visitor_counts_too(link: str, client: Client) -> None:
    client.get(link)
    Client().get(link)
    assert Feedback.objects.count() == 2


@pytest.mark.parametrize(
    "headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}]
)
def test_looking_ahead_is_no_click(link: str, client: Client, headers: dict[str, str]) -> None:
    assert client.get(link, headers=headers).status_code == 302
    assert not Feedback.objects.exists()


def test_head_is_no_click(link: str, client: Client) -> None:
    assert client.head(link).status_code == 302
    assert not Feedback.objects.exists()


def test_nothing_else_is_answered(link: str, client: Client) -> None:
    assert client.post(link).status_code == 405


def test_an_old_link_leads_there_and_counts_no_more(
    link: str, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + timedelta(days=8).total_seconds())
    assert client.get(link)["Location"] == "/products/t3-0/"
    assert not Feedback.objects.exists()


def test_a_tampered_link_counts_nothing(world: World, link: str, client: Client) -> None:
    other = str(world.item(5, 0).pk)
    tampered = link.replace(f".{world.item(3, 0).pk}.", f".{other}.")
    assert tampered != link
    assert client.get(tampered)["Location"] == "/products/t5-0/"
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        "a.b.c:d:e",
        "AAAA.1.0:x:y",
        "https:evil.example",
        "AAAAAAAAAAAAAAAAAAAAAA.99999999999999999999.0:x:y",
        "AAAAAAAAAAAAAAAAAAAAAA.-1.0:x:y",
        "ÄAAAAAAAAAAAAAAAAAAAAA.1.0:x:y",
    ],
)
def test_no_open_redirect(db: None, client: Client, token: str) -> None:
    response = client.get(reverse("mtrec:click", args=[token]))
    assert response.status_code == 404


def test_an_item_that_is_gone(world: World, link: str, client: Client) -> None:
    Product.objects.filter(sku="t3-0").delete()
    assert client.get(link).status_code == 404
    Item.objects.filter(pk=world.item(3, 0).pk).delete()
    assert client.get(link).status_code == 404


def test_an_item_that_is_sold_out_still_has_its_page(link: str, client: Client) -> None:
    Product.objects.update(stock=0)
    assert client.get(link)["Location"] == "/products/t3-0/"


def test_an_item_without_a_page_or_a_source(db: None, client: Client) -> None:
    article = Article.objects.create(headline="No page")
    for source in ("testsite.article", "gone.model"):
        item = Item.objects.create(source=source, object_id=str(article.pk))
        assert client.get(reverse("mtrec:click", args=[sign(uuid.uuid4(), item.pk, 0)])).status_code == 404


def test_without_consent_a_click_only_leads_there(link: str, client: Client, settings: Any) -> None:
    settings.MTREC = {"CONSENT": "tests.serving.test_recommender.refuses"}
    assert client.get(link).status_code == 302
    assert not Feedback.objects.exists()


def test_a_click_changes_the_next_answer(world: World, link: str, client: Client) -> None:
    client.get(link)
    visitor = Feedback.objects.get().visitor
    assert set(world.topics_of(recommend_for(visitor, "world", 5))) == {3}
