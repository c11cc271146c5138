"""The site's addresses: the shop, the recommender's links and API, the admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

admin.site.site_header = "Pennyfarthing"
admin.site.site_title = "Pennyfarthing"
admin.site.index_title = "Shop and recommendations"

urlpatterns = [
    path("health/", include("mtrec_django.health")),
    path("admin/", admin.site.urls),
    path("mtrec/", include("mtrec_django.urls")),
    path("api/mtrec/", include("mtrec_django.api.urls")),
    path("", include("example_project.shop.urls")),
]
