"""Who one is: signed tokens."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from ..conf import get_config
from ..events.tokens import visitor_token
from .acting import act
from .authentication import SignedVisitor
from .documents import TAGS, TOKEN_EXAMPLES, problems
from .queries import TokenQuery, valid
from .serializers import TokenSerializer
from .throttling import TokenThrottle
from .views import MtrecView


class Tokens(MtrecView):
    """Signed visitor tokens."""

    throttle_classes = [TokenThrottle]

    @extend_schema(
        operation_id="createToken",
        summary="Hand out a visitor token",
        description="A token of the visitor behind the request, for scripts of other origins and for apps. A server "
        "names the visitor, who is made where there is none yet. 403 also where the visitor does not consent, and for "
        "whoever shows a token, which is not renewed by itself.",
        tags=TAGS,
        request=TokenQuery,
        responses={201: TokenSerializer, **problems(400, 413, 415)},
        examples=TOKEN_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, SignedVisitor):
            raise PermissionDenied(_("A token is not renewed by a token."))
        asked = valid(TokenQuery(data=request.data))
        act(request, asked.get("visitor"), create=True)
        token = visitor_token(request)
        if not token:
            raise PermissionDenied(_("Nothing may be stored of this visitor, or there is no such visitor."))
        return Response({"token": token, "max_age": get_config().VISITOR_TOKEN_MAX_AGE}, status=201)
