"""The shop's addresses."""

from __future__ import annotations

from django.urls import path

from .views import account, basket, browse, pictures

app_name = "shop"
urlpatterns = [
    path("", browse.home, name="home"),
    path("shelf/<slug:slug>/", browse.category, name="category"),
    path("product/<int:pk>/<slug:slug>/", browse.product, name="product"),
    path("search/", browse.search, name="search"),
    path("basket/", basket.show, name="basket"),
    path("basket/add/<int:pk>/", basket.add, name="basket-add"),
    path("basket/change/<int:pk>/", basket.change, name="basket-change"),
    path("checkout/", basket.checkout, name="checkout"),
    path("orders/", account.orders, name="orders"),
    path("orders/<str:number>/", account.order, name="order"),
    path("sign-in/", account.sign_in, name="sign-in"),
    path("sign-out/", account.sign_out, name="sign-out"),
    path("art/<slug:name>.svg", pictures.art, name="art"),
    path("favicon.ico", pictures.favicon, name="favicon"),
]
