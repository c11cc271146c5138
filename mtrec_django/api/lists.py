"""Scenarios and the lists they show."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from ..catalog.item_source import ItemSource
from ..exceptions import NotRegistered
from ..models import Scenario
from ..serving.recommendations import Answer, log_shown
from ..serving.recommender import recommend, similar_items
from .acting import act
from .answers import as_data
from .documents import ANSWER_EXAMPLE, RANK_EXAMPLES, SCENARIO_EXAMPLE, TAGS, UNCHANGED, problems
from .objects import find, lookup_of, source_called
from .queries import RankQuery, RecommendQuery, SimilarQuery, valid
from .serializers import AnswerSerializer, RankedSerializer, ScenarioSerializer
from .views import MtrecView


class ScenarioList(MtrecView):
    """The places where recommendations appear."""

    cache_control = "private, no-cache"  # kept, but asked after by its ETag

    @extend_schema(
        operation_id="listScenarios",
        summary="List scenarios",
        tags=TAGS,
        responses={200: ScenarioSerializer(many=True), 304: UNCHANGED, **problems()},
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


class Rank(MtrecView):
    """A list of the caller's own in the order that suits whoever asks."""

    @extend_schema(
        operation_id="rank",
        summary="Rank a list",
        description="Search results, a category, an e-mail's offers: what the caller names, best first for the visitor "
        "behind the request, by the scenario's model and rules. What was shown is stored, as with recommendations.",
        tags=TAGS,
        request=RankQuery,
        responses={200: RankedSerializer, **problems(400, 404, 413, 415)},
        examples=RANK_EXAMPLES,
    )
    def post(self, request: Request, name: str) -> Response:
        asked = valid(RankQuery(data=request.data))
        act(request, asked.get("visitor"))
        source = _source(name, asked["source"])
        wanted = dict.fromkeys(asked["items"])
        found = find(source, wanted)
        rows = source.queryset().filter(pk__in=[obj.pk for obj in found.values()])
        answer = recommend(request, name, n=max(1, len(found)), queryset=rows)
        log_shown(answer)
        shown = {lookup_of(source, obj) for obj in answer}
        left_out = [word for word in wanted if word not in found or lookup_of(source, found[word]) not in shown]
        return Response({**as_data(answer, request), "left_out": left_out})


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


def _source(scenario: str, label: str) -> ItemSource:
    """The source of a list that a scenario is to rank.

    Raises:
        NotFound: when there is no such scenario.
        ValidationError: when it shows no such items.
    """
    place = Scenario.objects.filter(name=scenario).only("sources").first()
    if place is None:
        raise NotFound(_("There is no such scenario."))
    source = source_called(label)
    if source is None or (place.sources and source.label not in place.sources):
        raise ValidationError({"source": [_("The scenario shows no such items.")]})
    return source
