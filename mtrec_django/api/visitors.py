"""Who one is, and who is like one."""

from __future__ import annotations

from functools import partial

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from ..conf import get_config
from ..events.tokens import visitor_token
from ..events.visitors import visitor_for
from ..models import Visitor
from ..serving.neighbours import similar_visitors
from .acting import act, may_act
from .authentication import SignedVisitor
from .documents import NEIGHBOURS_EXAMPLE, TAGS, TOKEN_EXAMPLES, problems
from .queries import SimilarVisitorsQuery, TokenQuery, valid
from .serializers import NeighboursSerializer, TokenSerializer
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


class SimilarVisitors(MtrecView):
    """Who is like whom, where the site has switched it on."""

    @extend_schema(
        operation_id="similarVisitors",
        summary="Similar visitors",
        description="Those who met the same items of late, the most alike first. A server names the visitor and gets "
        "names; anybody else asks for himself, and gets words by which nobody can be found or known again elsewhere. "
        "404 where the site has not switched it on.",
        tags=TAGS,
        parameters=[SimilarVisitorsQuery],
        responses={200: NeighboursSerializer, **problems(400, 404)},
        examples=[NEIGHBOURS_EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        asked = valid(SimilarVisitorsQuery(data=request.query_params.dict()))
        if not get_config().SIMILAR_VISITORS:
            raise NotFound(_("This site does not tell who is like whom."))
        act(request, asked.get("visitor"))
        visitor = visitor_for(request)
        if visitor is None:
            return Response({"visitors": []})
        call = _name if may_act(request) else partial(_word, visitor)
        told = [
            {"visitor": call(one.visitor), "shared": one.shared, "likeness": one.likeness}
            for one in similar_visitors(visitor, asked["n"])
        ]
        return Response({"visitors": told})


def _name(visitor: Visitor) -> str:
    return f"user:{visitor.user_id}" if visitor.user_id else f"key:{visitor.key}"


def _word(asking: Visitor, visitor: Visitor) -> str:
    """The same at each question of one visitor, another to everybody else."""
    return salted_hmac("mtrec.neighbour", f"{asking.pk} {visitor.pk}", algorithm="sha256").hexdigest()[:24]
