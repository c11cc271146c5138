"""What visitors do."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from . import limits
from .authentication import FIELD
from .documents import FEEDBACK_EXAMPLES, TAGS, problems
from .serializers import BatchSerializer, FeedbackAnswerSerializer, FeedbackSerializer
from .storing import store
from .throttling import FeedbackThrottle
from .views import MtrecView

KEY = {"type": "string", "maxLength": 255}
STATUSES = ("stored", "repeated", "ignored", "rejected")


class Feedback(MtrecView):
    """Events, one or many."""

    throttle_classes = [FeedbackThrottle]

    @extend_schema(
        operation_id="sendFeedback",
        summary="Send feedback",
        description=f"One event, or at most {limits.MAX_BATCH} in a list, which may stand in `events` beside a visitor "
        "token. Many are stored as far as they can be; `results` says row by row what became of each, and what is "
        "stored is stored when the answer comes. One event that cannot be stored is an error 400. The header "
        "`Idempotency-Key` stands for `key` where one event is sent without.",
        tags=TAGS,
        parameters=[OpenApiParameter("Idempotency-Key", KEY, OpenApiParameter.HEADER)],
        request=PolymorphicProxySerializer(
            component_name="FeedbackOneOrMany",
            serializers=[FeedbackSerializer, FeedbackSerializer(many=True), BatchSerializer],
            resource_type_field_name=None,
            many=False,
        ),
        responses={200: FeedbackAnswerSerializer, 201: FeedbackAnswerSerializer, **problems(400, 413, 415, 503)},
        examples=FEEDBACK_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        many = _many(request.data)
        rows = [self._with_key(request)] if many is None else many
        if len(rows) > limits.MAX_BATCH:
            words = {"n": len(rows), "limit": limits.MAX_BATCH}
            raise ValidationError({"non_field_errors": [_("%(n)d events, of at most %(limit)d.") % words]})
        results = store(request, rows)
        counts = Counter(result["status"] for result in results)
        if many is None and counts["rejected"]:
            raise ValidationError(results[0]["errors"])
        answer = {**{status: counts[status] for status in STATUSES}, "results": results}
        return Response(answer, status=201 if many is None and counts["stored"] else 200)

    def _with_key(self, request: Request) -> Any:
        key = request.headers.get("Idempotency-Key")
        if key is None or not isinstance(request.data, dict) or request.data.get("key"):
            return request.data
        return {**request.data, "key": key}


def _many(data: Any) -> list[Any] | None:
    """The events of a list, or of one beside a token; None for a single event."""
    if isinstance(data, dict) and "events" in data:
        sound = isinstance(data["events"], list) and isinstance(data.get(FIELD, ""), str)
        if not sound or data.keys() - {FIELD, "events"}:
            raise ValidationError({"events": [_("Events are a list, with nothing but a token beside it.")]})
        data = data["events"]
    return list(data) if isinstance(data, list) else None
