"""Addresses of the API; a site includes them wherever it likes."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "mtrec-api"

operations = [
    path("scenarios/", views.ScenarioList.as_view(), name="scenarios"),
    path("scenarios/<str:name>/recommendations/", views.Recommendations.as_view(), name="recommendations"),
    path("items/<str:source>/<str:lookup>/similar/", views.SimilarItems.as_view(), name="similar"),
    path("feedback/", views.Feedback.as_view(), name="feedback"),
]

urlpatterns = [*operations, path("schema/", views.SchemaView.as_view(operations=operations), name="schema")]
