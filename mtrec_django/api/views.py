"""The operations. A visitor reaches his own data only: who asks is who the request says, never a parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.urls import URLPattern, include, path
from django.utils.translation import gettext as _
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .. import __version__
from ..catalog.registry import source_for
from ..exceptions import NotRegistered
from ..models import Item, Scenario
from ..serving.recommendations import Answer, log_shown
from ..serving.recommender import recommend, similar_items
from . import limits
from .answers import as_data
from .cursors import pack
from .documents import ANSWER_EXAMPLE, FEEDBACK_EXAMPLES, TAGS, problems
from .objects import find, source_called
from .parsers import BoundedJSONParser
from .problems import handle
from .serializers import (
    AnswerSerializer,
    FeedbackAnswerSerializer,
    FeedbackSerializer,
    RecommendQuery,
    ScenarioSerializer,
    SimilarQuery,
)
from .storing import store
from .throttling import FeedbackThrottle, ReadThrottle


class MtrecView(APIView):
    """What all operations have in common. Permissions are the site's own (`DEFAULT_PERMISSION_CLASSES`)."""

    schema = AutoSchema()
    parser_classes = [BoundedJSONParser]
    renderer_classes = [JSONRenderer]
    throttle_classes = [ReadThrottle]
    cache_control = "private, no-store"

    def get_authenticators(self) -> list[BaseAuthentication]:
        """The site's own, and the session (with its CSRF check) where they leave it out."""
        found = super().get_authenticators()
        if not any(isinstance(one, SessionAuthentication) for one in found):
            found.append(SessionAuthentication())
        return found

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return handle

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.setdefault("Cache-Control", self.cache_control)
        return response


class ScenarioList(MtrecView):
    """The places where recommendations appear."""

    @extend_schema(
        operation_id="listScenarios",
        summary="List scenarios",
        tags=TAGS,
        responses={200: ScenarioSerializer(many=True), **problems()},
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
        asked = _valid(RecommendQuery(data=request.query_params.dict()))
        n, seen = asked["n"], asked.get("cursor", [])
        about = self._about(asked)
        try:
            answer = recommend(request, name, n=n, item=about, exclude=_instances(seen))
        except NotRegistered as error:
            raise NotFound(_("There is no such scenario.")) from error
        log_shown(answer)
        return Response(as_data(answer, request, self._next(request, answer, seen)))

    def _about(self, asked: dict[str, Any]) -> Any:
        """The object that the page is about."""
        if "item" not in asked:
            return None
        source = source_called(asked.get("source", ""))
        found = find(source, [asked["item"]]) if source is not None else {}
        if not found:
            raise ValidationError({"item": [_("There is no such item.")]})
        return found[asked["item"]]

    def _next(self, request: Request, answer: Answer, seen: list[int]) -> str | None:
        shown = [*seen, *(one.item for one in answer.recommendations)]
        if answer.short or not answer or len(shown) >= limits.MAX_SEEN:
            return None
        query = request.query_params.copy()
        query["cursor"] = pack(shown)
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
        asked = _valid(SimilarQuery(data=request.query_params.dict()))
        known = source_called(source)
        found = find(known, [lookup]) if known is not None else {}
        if not found:
            raise NotFound(_("There is no such item."))
        try:
            answer = similar_items(found[lookup], n=asked["n"], scenario=asked.get("scenario"))
        except NotRegistered as error:
            raise NotFound(_("There is no such scenario.")) from error
        return Response(as_data(answer, request))


class Feedback(MtrecView):
    """What visitors do."""

    throttle_classes = [FeedbackThrottle]

    @extend_schema(
        operation_id="sendFeedback",
        summary="Send feedback",
        description=f"One event, or a list of at most {limits.MAX_BATCH}. A list is stored as far as it can be; "
        "`results` says row by row what became of it. One event that cannot be stored is an error 400. The header "
        "`Idempotency-Key` stands for `key` where one event is sent without.",
        tags=TAGS,
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        request=PolymorphicProxySerializer(
            component_name="FeedbackOneOrMany",
            serializers=[FeedbackSerializer, FeedbackSerializer(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        responses={200: FeedbackAnswerSerializer, 201: FeedbackAnswerSerializer, **problems(400, 413, 415)},
        examples=FEEDBACK_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        many = isinstance(request.data, list)
        rows = list(request.data) if many else [self._with_key(request)]
        if len(rows) > limits.MAX_BATCH:
            words = {"n": len(rows), "limit": limits.MAX_BATCH}
            raise ValidationError({"non_field_errors": [_("%(n)d events, of at most %(limit)d.") % words]})
        results = store(request, rows)
        counts = dict.fromkeys(("stored", "ignored", "rejected"), 0)
        for result in results:
            counts[result["status"]] += 1
        if not many and counts["rejected"]:
            raise ValidationError(results[0]["errors"])
        return Response({**counts, "results": results}, status=201 if not many and counts["stored"] else 200)

    def _with_key(self, request: Request) -> Any:
        key = request.headers.get("Idempotency-Key")
        if key is None or not isinstance(request.data, dict) or request.data.get("key"):
            return request.data
        return {**request.data, "key": key}


class SchemaView(SpectacularAPIView):
    """The OpenAPI document of these operations alone, whatever else the site's API holds."""

    throttle_classes = [ReadThrottle]
    custom_settings = {
        "TITLE": "Recommendations",
        "DESCRIPTION": "Recommendations for whoever asks, and the events that they learn from.",
        "VERSION": __version__,
    }

    operations: Sequence[URLPattern] = ()
    """The addresses that it describes, given by the module that names them."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        mounted = request.path_info.removesuffix("schema/").lstrip("/")
        self.patterns = [path(mounted, include(list(self.operations)))]
        return super().get(request, *args, **kwargs)


def _valid(query: Any) -> dict[str, Any]:
    query.is_valid(raise_exception=True)
    found: dict[str, Any] = query.validated_data
    return found


def _instances(items: list[int]) -> list[Any]:
    """Objects to leave out; only their keys are looked at, so they are not read."""
    rows = Item.objects.filter(pk__in=items).values_list("source", "object_id") if items else []
    return [source_for(label).model(pk=key) for label, key in rows if source_called(label) is not None]
