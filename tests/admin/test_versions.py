"""A version's page, publishing and comparing."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from mtrec_django.models import ModelVersion, Publication, Scenario

from .conftest import METRICS, make_version


def page_of(client: Client, version: ModelVersion) -> str:
    return client.get(reverse("admin:mtrec_modelversion_change", args=[version.pk])).content.decode()


def test_it_shows_figures_curves_lineage_and_card(boss: Client, home: Scenario, base: ModelVersion) -> None:
    base.card = "# <b>Card</b>"
    base.settings = {"epochs": 8}
    base.save()
    child = make_version(kind="transfer", parent=base, scenario=home)
    page = page_of(boss, base)
    assert "ItemKNN" in page and "0.0300" in page
    assert page.count('class="mtrec-chart"') == 3  # loss, NDCG@10, margins
    assert reverse("admin:mtrec_modelversion_change", args=[child.pk]) in page
    assert "# &lt;b&gt;Card&lt;/b&gt;" in page
    assert "epochs" in page


def test_a_version_without_figures_renders(boss: Client, db: None) -> None:
    assert "Figures" not in page_of(boss, make_version(status="building"))


def test_broken_figures_do_not_break_the_page(boss: Client, home: Scenario) -> None:
    broken = make_version(
        metrics={"home": {"ours": {"ndcg@10": None, "words": "x"}, "popularity": 3}, "other": []},
        report={"epochs": [{"loss": None}, 3], "margins": {"home": {"popularity": 3, "gone": {"mean": 1}}}},
    )
    assert "Figures" in page_of(boss, broken)
    assert boss.get("/admin/mtrec/modelversion/").status_code == 200


def test_publishing_a_base_in_one_scenario(boss: Client, home: Scenario, base: ModelVersion) -> None:
    other = Scenario.objects.create(name="other")
    boss.post(reverse("admin:mtrec_publish", args=[base.pk]), {"scenario": "home", "reason": "a trial"})
    publication = Publication.objects.get()
    assert (publication.scenario, publication.reason, publication.by.username) == (home, "a trial", "boss")  # type: ignore[union-attr]
    other.refresh_from_db()
    assert other.live_version is None


def test_publishing_a_base_everywhere(boss: Client, home: Scenario, base: ModelVersion) -> None:
    Scenario.objects.create(name="other")
    boss.post(reverse("admin:mtrec_publish", args=[base.pk]))
    assert Scenario.objects.filter(live_version=base).count() == 2


def test_what_cannot_be_published_says_why(boss: Client, home: Scenario, base: ModelVersion) -> None:
    url = reverse("admin:mtrec_publish", args=[base.pk])
    assert "no scenario nowhere" in boss.post(url, {"scenario": "nowhere"}, follow=True).content.decode()
    base.publish([home])
    assert "live there already" in boss.post(url, follow=True).content.decode()
    building = make_version(status="building")
    response = boss.post(reverse("admin:mtrec_publish", args=[building.pk]), follow=True)
    assert "only a ready version" in response.content.decode()
    assert Publication.objects.count() == 1


def test_the_form_is_there_for_who_may_publish(
    staff: Callable[..., Client], home: Scenario, base: ModelVersion
) -> None:
    url = reverse("admin:mtrec_publish", args=[base.pk])
    assert url in page_of(staff("view_modelversion", "publish_model"), base)
    assert url not in page_of(staff("view_modelversion"), base)


def test_two_versions_side_by_side(boss: Client, home: Scenario, base: ModelVersion) -> None:
    better = make_version(metrics={"home": METRICS | {"ours": {"ndcg@10": 0.09}}}, settings={"epochs": 9})
    url = reverse("admin:mtrec_modelversion_compare")
    page = boss.get(url, {"a": base.pk, "b": better.pk}).content.decode()
    assert "+50.0 %" in page
    assert "epochs" in page
    assert boss.get(url, {"a": base.pk}).status_code == 404
    assert boss.get(url, {"a": base.pk, "b": "x"}).status_code == 404


def test_comparing_needs_the_view_permission(staff: Callable[..., Client], base: ModelVersion) -> None:
    url = reverse("admin:mtrec_modelversion_compare")
    assert staff("view_item").get(url, {"a": base.pk, "b": base.pk}).status_code == 404
    assert staff("view_modelversion").get(url, {"a": base.pk, "b": base.pk}).status_code == 200
