"""Basket and check-out."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mtrec_django import track

from ..basket import Basket
from ..models import Product
from ..orders import SoldOut, place_order


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """What is in the basket, and what goes with it."""
    lines = Basket(request.session).lines()
    return render(request, "shop/basket.html", {"lines": lines, "total": sum(line.total for line in lines)})


@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a product in."""
    product = get_object_or_404(Product.objects.public(), pk=pk)
    if product.stock:
        Basket(request.session).add(product, _quantity(request) or 1)
        track(request, "cart", product)
        messages.success(request, f"{product.title} is in your basket.")
    else:
        messages.error(request, f"{product.title} is sold out.")
    return redirect("shop:basket")


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a quantity; none takes the product out."""
    product = get_object_or_404(Product, pk=pk)
    Basket(request.session).change(product, _quantity(request))
    return redirect("shop:basket")


@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest) -> HttpResponse:
    """Look over the basket, then pay (with nothing: this is an example)."""
    basket = Basket(request.session)
    lines = basket.lines()
    if not lines:
        return redirect("shop:basket")
    if request.method != "POST":
        return render(request, "shop/checkout.html", {"lines": lines, "total": sum(line.total for line in lines)})
    try:
        order = place_order(request.user.pk if request.user.is_authenticated else None, lines)
    except SoldOut as error:
        messages.error(request, str(error))
        return redirect("shop:basket")
    for line in order.lines.select_related("product"):
        track(request, "purchase", line.product, value=float(line.total), key=f"line:{line.pk}", basket=order.number)
    basket.clear()
    request.session["placed"] = [*request.session.get("placed", []), order.number]
    messages.success(request, "Thank you! Your order is placed.")
    return redirect("shop:order", order.number)


def _quantity(request: HttpRequest) -> int:
    given = request.POST.get("quantity", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 5 else 0
