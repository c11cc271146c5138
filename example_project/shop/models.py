"""What a shop needs: shelves, products, customers, orders. Nothing here is there for the recommender's sake."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from .art.choice import SHELF_MOTIF, Art, art_of

PLACED_HERE = "PF-"
"""How the number of an order begins that was placed on this site."""


class Category(models.Model):
    """A shelf of the shop."""

    name = models.CharField(max_length=60, unique=True)
    slug = models.SlugField(unique=True)
    blurb = models.CharField(max_length=120, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "name"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("shop:category", args=[self.slug])

    @property
    def art(self) -> Art:
        """What stands for the shelf."""
        colours = ("red", "orange", "turquoise", "pink", "blue", "yellow", "green", "purple")
        return Art(SHELF_MOTIF.get(self.slug, "parcel"), colours[self.position % len(colours)], "plain", self.position)


class ProductQuerySet(models.QuerySet["Product"]):
    """What the pages ask for."""

    def public(self) -> ProductQuerySet:
        """Products that are listed at all, sold out or not."""
        return self.filter(is_active=True)

    def in_stock(self) -> ProductQuerySet:
        """Products that can be bought now."""
        return self.public().filter(stock__gt=0)


class Product(models.Model):
    """Something on a shelf."""

    sku = models.CharField("stock code", max_length=60, unique=True)
    title = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120)
    category = models.ForeignKey(Category, models.PROTECT, related_name="products")
    price = models.DecimalField(max_digits=9, decimal_places=2)
    stock = models.PositiveIntegerField(default=0)
    sold = models.PositiveIntegerField("times ordered", default=0, db_index=True)
    created = models.DateTimeField(default=timezone.now, db_index=True)
    is_active = models.BooleanField(default=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["-sold", "pk"]
        indexes = [models.Index(fields=["category", "-sold"], name="shop_product_shelf")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("shop:product", args=[self.pk, self.slug])

    @property
    def art(self) -> Art:
        """The drawing that stands for a photograph."""
        return art_of(self.title, self.sku, self.category.slug)


class Customer(models.Model):
    """What the shop knows of a user beside the account."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="customer")
    country = models.CharField(max_length=40, blank=True)
    order_count = models.PositiveIntegerField(default=0)
    line_count = models.PositiveIntegerField(default=0, db_index=True)
    favourite = models.ForeignKey(Category, models.SET_NULL, null=True, blank=True, related_name="+")
    favourite_share = models.FloatField(default=0, help_text="Part of the order lines that the favourite shelf has.")

    class Meta:
        ordering = ["-line_count", "pk"]

    def __str__(self) -> str:
        return f"Customer {self.user.get_username()}"


class OrderQuerySet(models.QuerySet["Order"]):
    """Old and new orders."""

    def historic(self) -> OrderQuerySet:
        """Orders from before there was a site; those placed on it bear a prefix."""
        return self.exclude(number__startswith=PLACED_HERE)


class Order(models.Model):
    """One basket, paid."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="orders")
    number = models.CharField(max_length=20, unique=True)
    placed_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-placed_at", "-pk"]

    def __str__(self) -> str:
        return f"Order {self.number}"

    @property
    def total(self) -> Decimal:
        """What the customer paid."""
        return sum((line.total for line in self.lines.all()), Decimal())


class OrderLine(models.Model):
    """One product of an order."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT, related_name="lines")
    quantity = models.PositiveIntegerField(default=1)
    price = models.DecimalField(max_digits=9, decimal_places=2)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"

    @property
    def total(self) -> Decimal:
        """Price of the line."""
        return self.price * self.quantity
