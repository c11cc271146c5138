"""Scenarios and the lists they show."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from ..exceptions import NotRegistered
from ..models import Scenario
from ..serving.recommendations import Answer, log_shown
from ..serving.recommender import recommend, similar_items
from .acting import act
from .answers import as_data
from .documents import ANSWER_EXAMPLE, SCENARIO_EXAMPLE, TAGS, problems
from .objects import find, source_called
from .queries import RecommendQuery, SimilarQuery, valid
from .serializers import AnswerSerializer, ScenarioSerializer
from .views import MtrecView


class ScenarioList(MtrecView):
    """The places where recommendations appear."""

    @extend_schema(
        operation_id="listScenarios",
        summary="List scenarios",
        tags=TAGS,
        responses={200: ScenarioSerializer(many=True), **problems()},
        examples=[SCENARIO_EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        scenarios = Scenario.objects.filter(enabled=True).only("name", "title", "sources")
        return Response(ScenarioSerializer(scenarios, many=True).data)


class Recommendations(MtrecView):
    """What a scenario shows to whoever asks."""

    @extend_schema(
        operation_id="recommend",
        summary="Recommend",
        description="The n best items for the visitor behind the request. That they were shown is stored; send `id` as "
        "`recommendation` with the events that follow, or use `click_url`.",
        tags=TAGS,
        parameters=[RecommendQuery],
        responses={200: AnswerSerializer, **problems(400, 404)},
        examples=[ANSWER_EXAMPLE],
    )
    def get(self, request: Request, name: str) -> Response:
        asked = valid(RecommendQuery(data=request.query_params.dict()))
        act(request, asked.get("visitor"))
        about = on_page(asked)
        try:
            answer = recommend(request, name, n=asked["n"], item=about, after=asked.get("cursor", ""))
        except NotRegistered as error:
            raise NotFound(_("There is no such scenario.")) from error
        log_shown(answer)
        return Response(as_data(answer, request, self._next(request, answer)))

    def _next(self, request: Request, answer: Answer) -> str | None:
        if not answer.next:
            return None
        query = request.query_params.copy()
        query["cursor"] = answer.next
        return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


class SimilarItems(MtrecView):
    """What is most like an item, whoever asks."""

    cache_control = "private, max-age=60"

    @extend_schema(
        operation_id="similarItems",
        summary="Similar items",
        tags=TAGS,
        parameters=[
            SimilarQuery,
            OpenApiParameter("source", str, OpenApiParameter.PATH, description="Label of the model, as shop.product."),
            OpenApiParameter("lookup", str, OpenApiParameter.PATH, description="The item, by its lookup field."),
        ],
        responses={200: AnswerSerializer, **problems(400, 404)},
        examples=[ANSWER_EXAMPLE],
    )
    def get(self, request: Request, source: str, lookup: str) -> Response:
        asked = valid(SimilarQuery(data=request.query_params.dict()))
        known = source_called(source)
        found = find(known, [lookup]) if known is not None else {}
        if not found:
            raise NotFound(_("There is no such item."))
        try:
            answer = similar_items(found[lookup], n=asked["n"], scenario=asked.get("scenario"))
        except NotRegistered as error:
            raise NotFound(_("There is no such scenario.")) from error
        return Response(as_data(answer, request))


def on_page(asked: dict[str, Any]) -> Any:
    """The object that the page is about, None where it is about none.

    Raises:
        ValidationError: when there is no such object.
    """
    if "item" not in asked:
        return None
    source = source_called(asked.get("source", ""))
    found = find(source, [asked["item"]]) if source is not None else {}
    if not found:
        raise ValidationError({"item": [_("There is no such item.")]})
    return found[asked["item"]]
