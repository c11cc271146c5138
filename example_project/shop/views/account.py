"""Being somebody: sign in as any customer of the data, and look at the orders."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ..models import Customer, Order
from ..personas import personas

BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Choose a customer. No password: this is an example, and staff is not on the list."""
    if request.method == "POST":
        customer = get_object_or_404(_customers(), pk=_number(request.POST.get("customer", "")))
        login(request, customer.user, backend=BACKEND)
        messages.success(request, f"Welcome back, customer {customer.user.get_username()}.")
        wanted = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
        return redirect(wanted if safe else "shop:home")
    query = request.GET.get("q", "").strip()[:60]
    customers = _customers()
    if query:
        customers = customers.filter(user__username__startswith=query) | customers.filter(country__icontains=query)
    context = {
        "query": query,
        "personas": [] if query else personas(),
        "page": Paginator(customers, 12).get_page(request.GET.get("page")),
        "next": request.GET.get("next", ""),
    }
    return render(request, "shop/sign_in.html", context)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Be nobody again."""
    logout(request)
    return redirect("shop:home")


@require_safe
def orders(request: HttpRequest) -> HttpResponse:
    """What the customer has bought, newest first."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.path)
    found = Order.objects.filter(user=request.user).prefetch_related("lines__product__category")
    return render(request, "shop/orders.html", {"page": Paginator(found, 10).get_page(request.GET.get("page"))})


@require_safe
def order(request: HttpRequest, number: str) -> HttpResponse:
    """One order: for its customer, and for a guest who has just placed it."""
    found = get_object_or_404(Order.objects.prefetch_related("lines__product__category"), number=number)
    mine = request.user.is_authenticated and found.user_id == request.user.pk
    if not mine and number not in request.session.get("placed", []):
        raise Http404
    return render(request, "shop/order.html", {"order": found})


def _customers() -> QuerySet[Customer]:
    customers = Customer.objects.select_related("user", "favourite")
    return customers.filter(user__is_active=True, user__is_staff=False, user__is_superuser=False)


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else 0
