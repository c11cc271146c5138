"""Home, shelves, products, search."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.search import SearchVector
from django.core.paginator import Paginator
from django.db.models import Case, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from mtrec_django import track

from ..basket import recently_viewed, remember
from ..models import Category, Product

PAGE = 24
SORTS = {
    "popular": ("Best sellers", ["-sold", "pk"]),
    "new": ("New in", ["-created", "pk"]),
    "cheap": ("Price, low to high", ["price", "pk"]),
    "dear": ("Price, high to low", ["-price", "pk"]),
}
PRICES = {
    "2": ("Under £2", 0, 2),
    "5": ("£2 to £5", 2, 5),
    "10": ("£5 to £10", 5, 10),
    "more": ("£10 and more", 10, None),
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front page."""
    return render(request, "shop/home.html", {"recent": recently_viewed(request.session)[:6]})


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    """One shelf: sorted, filtered, in pages, with recommendations from the same shelf."""
    shelf = get_object_or_404(Category, slug=slug)
    products = Product.objects.public().filter(category=shelf).select_related("category")
    context = _listing(request, products) | {
        "category": shelf,
        "on_shelf": Product.objects.filter(category=shelf).select_related("category"),
    }
    return render(request, "shop/category.html", context)


@require_safe
def product(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """One product, and what goes with it."""
    found = get_object_or_404(Product.objects.select_related("category"), pk=pk, is_active=True)
    if slug != found.slug:
        return redirect(found, permanent=True)
    track(request, "view", found)
    recent = recently_viewed(request.session, but=found)[:6]
    remember(request.session, found)
    return render(request, "shop/product.html", {"product": found, "recent": recent})


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Every word of the query somewhere in title, shelf or stock code; stems count too."""
    query = request.GET.get("q", "").strip()[:100]
    products = Product.objects.public().select_related("category")
    for word in query.split():
        products = products.filter(Q(title__icontains=word) | Q(category__name__icontains=word) | Q(sku__iexact=word))
    if query and not products.exists():
        vector = SearchVector("title", "category__name", config="english")
        products = Product.objects.public().select_related("category").annotate(words=vector).filter(words=query)
    context = _listing(request, products if query else products.none()) | {"query": query}
    return render(request, "shop/search.html", context)


def _listing(request: HttpRequest, products: QuerySet[Product]) -> dict[str, Any]:
    sort = request.GET.get("sort", "popular")
    price = request.GET.get("price", "")
    if price in PRICES:
        _, low, high = PRICES[price]
        products = products.filter(price__gte=low) if high is None else products.filter(price__gte=low, price__lt=high)
    if request.GET.get("in_stock") == "1":
        products = products.filter(stock__gt=0)
    _, order = SORTS.get(sort, SORTS["popular"])
    sold_out_last = Case(When(stock=0, then=1), default=0)
    pages = Paginator(products.order_by(sold_out_last, *order), PAGE)
    page = pages.get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    return {
        "page": page,
        "elided": pages.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
        "kept": kept.urlencode(),
        "sort": sort if sort in SORTS else "popular",
        "sorts": [(key, label) for key, (label, _) in SORTS.items()],
        "price": price,
        "prices": [(key, label) for key, (label, _, _) in PRICES.items()],
        "in_stock": request.GET.get("in_stock") == "1",
    }
