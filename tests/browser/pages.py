"""A page as a cache would keep it, under a strict Content-Security-Policy."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; style-src 'self'"

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Tea</title></head>
<body>
<h1 data-mtrec-track="view" data-mtrec-item="sku-9" data-mtrec-source="testsite.product">Tea 9</h1>
<button data-mtrec-track="cart" data-mtrec-item="sku-9" data-mtrec-source="testsite.product" data-mtrec-value="2">
Add</button>
<div id="plain" data-mtrec-list="home" data-mtrec-n="3">Nothing yet</div>
<div id="own" data-mtrec-list="home" data-mtrec-n="2" data-mtrec-item="sku-9" data-mtrec-source="testsite.product"
  data-mtrec-template="#card"></div>
<template id="card"><article><a data-mtrec-field="click_url"><b data-mtrec-field="title"></b></a></article></template>
<div id="similar" data-mtrec-similar="sku-0" data-mtrec-source="testsite.product" data-mtrec-n="2"></div>
<svg width="10" height="3000"></svg>
<div id="below" data-mtrec-list="home" data-mtrec-n="1"></div>
<script src="/static/mtrec/mtrec.js" defer%(token)s></script>
</body>
</html>"""


def page(request: HttpRequest) -> HttpResponse:
    token = request.GET.get("token", "")
    body = PAGE % {"token": f' data-token="{token}"' if token else ""}
    return HttpResponse(body, headers={"Content-Security-Policy": POLICY})


urlpatterns = [path("tea/", page), path("", include("example_project.urls"))]
