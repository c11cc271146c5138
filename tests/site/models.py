"""A shop's models, and an article whose primary key is no number."""

from __future__ import annotations

import uuid

from django.db import models


class Brand(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Maker(Brand):
    """A proxy whose parent is registered nowhere."""

    class Meta:
        proxy = True


class Category(models.Model):
    name = models.CharField(max_length=100)
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    sku = models.CharField(max_length=50, unique=True)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    brand = models.ForeignKey(Brand, models.SET_NULL, null=True, blank=True)
    category = models.ForeignKey(Category, models.SET_NULL, null=True, blank=True, related_name="products")
    tags = models.ManyToManyField(Tag, blank=True, related_name="products")
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    stock = models.IntegerField(default=1)
    photo = models.FileField(blank=True)
    details = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"/products/{self.sku}/"

    def headline(self) -> str:
        return self.title.upper()


class Review(models.Model):
    product = models.ForeignKey(Product, models.CASCADE)
    stars = models.IntegerField()
    words = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.stars} stars"


class SpecialProduct(Product):
    """Seen through a proxy."""

    class Meta:
        proxy = True


class Ebook(Product):
    """A child with a table of its own."""

    pages = models.IntegerField(default=0)


class Article(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    headline = models.CharField(max_length=200)
    published = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.headline
