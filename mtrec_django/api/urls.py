"""Addresses of the API; a site includes them wherever it likes."""

from __future__ import annotations

from django.db import transaction
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.http import conditional_page

from . import feedback, lists, privacy, schema, visitors

app_name = "mtrec-api"

operations = [
    path("scenarios/", conditional_page(lists.ScenarioList.as_view()), name="scenarios"),
    path("scenarios/<str:name>/recommendations/", lists.Recommendations.as_view(), name="recommendations"),
    path("scenarios/<str:name>/rank/", lists.Rank.as_view(), name="rank"),
    path("items/<str:source>/<str:lookup>/similar/", lists.SimilarItems.as_view(), name="similar"),
    # Its own transaction ends before its answer is made, so that an answer never says more than was committed.
    path("feedback/", transaction.non_atomic_requests(feedback.Feedback.as_view()), name="feedback"),
    path("visitors/similar/", visitors.SimilarVisitors.as_view(), name="similar-visitors"),
    path("tokens/", visitors.Tokens.as_view(), name="tokens"),
    path("visitor/", privacy.OneVisitor.as_view(), name="visitor"),
]
versioned: list[URLPattern | URLResolver] = [path("v1/", include(operations))]

urlpatterns = [
    *versioned,
    path("schema/", conditional_page(schema.SchemaView.as_view(operations=versioned)), name="schema"),
]
