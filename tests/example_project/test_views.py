from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from example_project.shop.models import Customer, Order, Product
from mtrec_django.models import Feedback, Recommendation

Shop = dict[str, Product]


def cards(page: str, scenario: str) -> int:
    """How many products a list of recommendations on a page shows."""
    if f'data-scenario="{scenario}"' not in page:
        return 0
    part = page.split(f'data-scenario="{scenario}"', 1)[1].split("</section>", 1)[0]
    return part.count("<article")


def test_the_home_page_recommends_before_anything_is_trained(shop: Shop, client: Client) -> None:
    page = client.get("/").content.decode()

    assert cards(page, "home") == 5  # all that is in stock
    assert "/mtrec/go/" in page
    assert Recommendation.objects.count() == 1


def test_a_click_on_a_recommendation_is_recorded_and_leads_to_the_product(shop: Shop, client: Client) -> None:
    page = client.get("/").content.decode()
    link = page.split('href="/mtrec/go/', 1)[1].split('"', 1)[0]

    answer = client.get(f"/mtrec/go/{link}")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/product/")
    assert Feedback.objects.filter(kind="click").count() == 1


def test_looking_at_a_product_is_tracked_and_remembered(shop: Shop, client: Client) -> None:
    page = client.get(shop["MUG"].get_absolute_url()).content.decode()

    assert "<h1>Red spotty mug</h1>" in page
    assert cards(page, "product") > 0
    assert Feedback.objects.get(kind="view").item.object_id == str(shop["MUG"].pk)
    assert "Recently viewed" in client.get("/").content.decode()


def test_an_old_address_leads_to_the_product(shop: Shop, client: Client) -> None:
    answer = client.get(f"/product/{shop['MUG'].pk}/something-else/")

    assert (answer.status_code, answer["Location"]) == (301, shop["MUG"].get_absolute_url())


def test_a_shelf_shows_its_products_sold_out_ones_last(shop: Shop, client: Client) -> None:
    Product.objects.filter(sku="TREE").update(stock=0, sold=99)

    answer = client.get("/shelf/christmas/")

    assert [product.sku for product in answer.context["page"]] == ["STAR", "TREE"]
    assert cards(answer.content.decode(), "home") == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?sort=cheap", ["STAR", "TREE"]),
        ("?sort=nonsense&price=nonsense&page=99", ["STAR", "TREE"]),
        ("?price=2", ["STAR"]),
        ("?price=5", ["TREE"]),
        ("?price=more", []),
    ],
)
def test_a_shelf_is_sorted_and_filtered(shop: Shop, client: Client, query: str, found: list[str]) -> None:
    assert [product.sku for product in client.get(f"/shelf/christmas/{query}").context["page"]] == found


def test_search_finds_words_stems_and_stock_codes(shop: Shop, client: Client) -> None:
    def find(query: str) -> list[str]:
        return sorted(product.sku for product in client.get("/search/", {"q": query}).context["page"])

    assert find("christmas star") == ["STAR"]
    assert find("teapots") == ["POT"]
    assert find("bag") == ["BAG"]
    assert find("zzz") == find("") == find("%") == []


def test_buying_takes_stock_and_is_tracked(shop: Shop, client: Client) -> None:
    stock = shop["MUG"].stock
    client.post(f"/basket/add/{shop['MUG'].pk}/", {"quantity": "2"})
    client.post(f"/basket/add/{shop['POT'].pk}/", {"quantity": "1"})
    page = client.get("/basket/").content.decode()

    answer = client.post("/checkout/", follow=True)

    assert cards(page, "basket") == 3  # neither of the two that are in it
    assert "£10.45" in page
    assert "Thank you" in answer.content.decode()
    assert Product.objects.get(sku="MUG").stock == stock - 2
    bought = Feedback.objects.filter(kind="purchase", visitor__user=None)
    assert sorted(bought.values_list("item__object_id", "value")) == sorted(
        [(str(shop["MUG"].pk), 2.5), (str(shop["POT"].pk), 7.95)]
    )
    assert "nothing in it yet" in client.get("/basket/").content.decode()


@pytest.mark.parametrize("quantity", ["0", "-3", "x", "99999", ""])
def test_a_strange_quantity_is_one(shop: Shop, client: Client, quantity: str) -> None:
    client.post(f"/basket/add/{shop['MUG'].pk}/", {"quantity": quantity})

    assert client.session["basket"] == {str(shop["MUG"].pk): 1}


def test_a_basket_holds_no_more_than_the_stock(shop: Shop, client: Client) -> None:
    Product.objects.filter(sku="MUG").update(stock=3)

    client.post(f"/basket/add/{shop['MUG'].pk}/", {"quantity": "50"})

    assert client.session["basket"] == {str(shop["MUG"].pk): 3}


def test_changing_a_quantity_to_nothing_takes_the_product_out(shop: Shop, client: Client) -> None:
    client.post(f"/basket/add/{shop['MUG'].pk}/", {"quantity": "2"})

    client.post(f"/basket/change/{shop['MUG'].pk}/", {"quantity": "0"})

    assert client.session["basket"] == {}


def test_what_is_sold_out_cannot_be_added(shop: Shop, client: Client) -> None:
    answer = client.post(f"/basket/add/{shop['OLD'].pk}/", follow=True)

    assert "is sold out" in answer.content.decode()
    assert not Feedback.objects.filter(kind="cart").exists()


def test_anybody_signs_in_as_any_customer(shop: Shop, client: Client) -> None:
    customer = Customer.objects.get(user__username="200")

    answer = client.post("/sign-in/", {"customer": customer.pk, "next": "/orders/"}, follow=True)

    assert answer.redirect_chain[-1][0] == "/orders/"
    assert [order.number for order in answer.context["page"]] == ["4", "3"]
    assert "Welcome back, customer 200" in answer.content.decode()
    client.post("/sign-out/")
    assert client.get("/orders/").status_code == 302


def test_nobody_signs_in_as_staff(shop: Shop, client: Client) -> None:
    User.objects.filter(username="100").update(is_staff=True)
    staff = Customer.objects.get(user__username="100")

    assert client.post("/sign-in/", {"customer": staff.pk}).status_code == 404
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("customer", ["", "x", "999999", "9" * 30])
def test_signing_in_as_nobody_is_not_found(shop: Shop, client: Client, customer: str) -> None:
    assert client.post("/sign-in/", {"customer": customer}).status_code == 404


def test_signing_in_leads_to_no_other_site(shop: Shop, client: Client) -> None:
    customer = Customer.objects.first()

    answer = client.post("/sign-in/", {"customer": customer.pk, "next": "https://example.com/"})

    assert answer["Location"] == "/"


def test_signing_in_needs_the_token(shop: Shop) -> None:
    assert Client(enforce_csrf_checks=True).post("/sign-in/", {"customer": "1"}).status_code == 403


def test_customers_are_found_by_number_and_country(shop: Shop, client: Client) -> None:
    def find(query: str) -> list[str]:
        return [customer.user.username for customer in client.get("/sign-in/", {"q": query}).context["page"]]

    assert find("30") == ["300"]
    assert find("fra") == ["200"]
    assert find("nowhere") == []


def test_an_order_is_for_its_customer_only(shop: Shop, client: Client) -> None:
    order = Order.objects.get(number="3")
    client.force_login(User.objects.get(username="200"))

    assert client.get(f"/orders/{order.number}/").status_code == 200
    assert Client().get(f"/orders/{order.number}/").status_code == 404


@pytest.mark.parametrize(
    ("name", "status"), [("mug-red-dots-12", 200), ("mug-red-dots", 404), ("mug-red-dots-12345", 404)]
)
def test_pictures_come_from_their_address(db: None, client: Client, name: str, status: int) -> None:
    answer = client.get(f"/art/{name}.svg")

    assert answer.status_code == status
    if status == 200:
        assert answer["Content-Type"] == "image/svg+xml"
        assert "immutable" in answer["Cache-Control"]


def test_a_home_page_of_cards_asks_the_database_little(
    shop: Shop, client: Client, django_assert_max_num_queries: object
) -> None:
    client.get("/")

    with django_assert_max_num_queries(10):  # type: ignore[operator]
        client.get("/")
