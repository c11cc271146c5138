"""The click links; a site includes them wherever it likes."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "mtrec"

urlpatterns = [path("go/<str:token>/", views.click, name="click")]
