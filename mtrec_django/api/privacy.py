"""What is stored of one visitor: to see, and to erase."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from ..events.visitors import SESSION_KEY, find_visitor, forget
from ..jobs import erase, export_visitor
from ..models import Visitor
from .acting import act
from .authentication import SignedVisitor
from .documents import EXPORT_EXAMPLE, RECEIPT_EXAMPLE, TAGS, problems
from .queries import VisitorQuery, valid
from .serializers import ExportSerializer, ReceiptSerializer
from .throttling import PrivacyThrottle
from .views import MtrecView


class OneVisitor(MtrecView):
    """The visitor behind the request, whatever he consented to."""

    throttle_classes = [PrivacyThrottle]

    @extend_schema(
        operation_id="exportVisitor",
        summary="Export a visitor",
        description="All that is stored of the visitor behind the request; empty where nothing is. For a session or a "
        "server's key: a visitor token, which may lie in a page, is answered by 403.",
        tags=TAGS,
        parameters=[VisitorQuery],
        responses={200: ExportSerializer, **problems(400)},
        examples=[EXPORT_EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        return Response(export_visitor(self._visitor(request)))

    @extend_schema(
        operation_id="eraseVisitor",
        summary="Erase a visitor",
        description="Deletes all that is stored of the visitor behind the request, for ever, and answers with a signed "
        "receipt that names nobody. Sent again it does nothing and says so. For a session or a server's key, as above.",
        tags=TAGS,
        parameters=[VisitorQuery],
        responses={200: ReceiptSerializer, **problems(400)},
        examples=[RECEIPT_EXAMPLE],
    )
    def delete(self, request: Request) -> Response:
        receipt = erase(self._visitor(request)).receipt()
        if "visitor" not in request.query_params and hasattr(request, "session"):
            request.session.pop(SESSION_KEY, None)
        forget(request)
        return Response(receipt)

    def _visitor(self, request: Request) -> Visitor | None:
        if isinstance(request.auth, SignedVisitor):
            raise PermissionDenied(_("A visitor token is not enough for this."))
        asked: dict[str, Any] = valid(VisitorQuery(data=request.query_params.dict()))
        act(request, asked.get("visitor"))
        return find_visitor(request)
