"""The shop in the admin."""

from __future__ import annotations

from django.contrib import admin

from .models import Category, Customer, Order, OrderLine, Product


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    """Shelves."""

    list_display = ["name", "slug", "position"]
    list_editable = ["position"]


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """Products; a stock of nought takes one off every recommendation at once."""

    list_display = ["title", "sku", "category", "price", "stock", "sold", "is_active"]
    list_editable = ["stock", "is_active"]
    list_filter = ["category", "is_active"]
    list_select_related = ["category"]
    search_fields = ["title", "sku"]


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):
    """Customers."""

    list_display = ["user", "country", "order_count", "line_count", "favourite"]
    list_filter = ["favourite"]
    list_select_related = ["user", "favourite"]
    search_fields = ["user__username", "country"]
    raw_id_fields = ["user"]


class OrderLineInline(admin.TabularInline):
    """Lines within their order."""

    model = OrderLine
    raw_id_fields = ["product"]
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """Orders."""

    list_display = ["number", "user", "placed_at"]
    date_hierarchy = "placed_at"
    list_select_related = ["user"]
    raw_id_fields = ["user"]
    search_fields = ["number", "user__username"]
    inlines = [OrderLineInline]
