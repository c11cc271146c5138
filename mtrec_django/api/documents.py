"""What the OpenAPI document says beside the fields: problems, examples, limits."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from . import limits
from .problems import MEDIA_TYPE
from .serializers import ProblemSerializer

TAGS = ["recommendations"]

_PROBLEMS = {
    400: "Something asked for makes no sense; `errors` says what, by field.",
    401: "The credentials are wrong, or the site wants some.",
    403: "Not allowed: a missing or wrong CSRF token, or the site's own rule.",
    404: "There is no such scenario or item.",
    406: "JSON is all there is.",
    413: f"The body is larger than {limits.MAX_BODY} bytes.",
    415: "The body is not JSON.",
    429: "Too many requests; `Retry-After` says when to come again.",
    503: "The database does not answer; nothing was stored that was not said to be. `Retry-After` says when to come "
    "again; events sent again under the same keys count once.",
}


UNCHANGED = OpenApiResponse(description="What the caller has, by `If-None-Match`, is what there is.")


def problems(*statuses: int) -> dict[Any, Any]:
    """The documented errors of an operation."""
    return {
        (status, MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=_PROBLEMS[status])
        for status in sorted({*statuses, 401, 403, 406, 429, 503})
    }


ITEM = {
    "source": "shop.product",
    "id": "42",
    "lookup": "85123A",
    "title": "White hanging heart T-light holder",
    "url": "https://shop.example/products/85123A/",
    "click_url": "https://shop.example/mtrec/go/dGhlIGFuc3dlcg.42.0:1uXyZ:signature/",
    "image": "https://shop.example/media/85123A.jpg",
    "categories": ["Lighting"],
    "position": 0,
    "score": 1.84,
    "candidate_source": "personal",
    "reason": "Because you viewed Red hanging heart T-light holder",
    "because": "Red hanging heart T-light holder",
}
ANSWER = {
    "id": "0b6cf2f2-6f0c-4a46-9f0e-5f6f7b1f6a10",
    "scenario": "home",
    "title": "Picked for you",
    "version": 7,
    "short": False,
    "next": "https://shop.example/api/mtrec/v1/scenarios/home/recommendations/?n=1&cursor=eJxz",
    "items": [ITEM],
}
EVENT = {
    "kind": "purchase",
    "source": "shop.product",
    "item": "85123A",
    "value": 2.95,
    "scenario": "home",
    "recommendation": ANSWER["id"],
    "key": "order-1001-85123A",
}
OUTCOME = {
    "stored": 1,
    "repeated": 0,
    "ignored": 0,
    "rejected": 1,
    "results": [
        {"index": 0, "status": "stored"},
        {
            "index": 1,
            "status": "rejected",
            "detail": "item: There is no such item.",
            "errors": {"item": ["There is no such item."]},
        },
    ],
}

SCENARIO = {"name": "home", "title": "Picked for you", "sources": ["shop.product"]}
TOKEN = {"token": "1742:1uXyZ0:signature", "max_age": 86400}

RANKED = {**ANSWER, "next": None, "left_out": ["gone"]}
NEIGHBOURS = {"visitors": [{"visitor": "user:42", "shared": 7, "likeness": 0.31}]}

RANK_EXAMPLES = [
    OpenApiExample("A list of two", {"items": ["gone", "85123A"]}, request_only=True),
    OpenApiExample("One of two is left", RANKED, response_only=True, status_codes=["200"]),
]
NEIGHBOURS_EXAMPLE = OpenApiExample("To a server", NEIGHBOURS, response_only=True, status_codes=["200"])
SCENARIO_EXAMPLE = OpenApiExample("One of them", SCENARIO, response_only=True, status_codes=["200"])
TOKEN_EXAMPLES = [
    OpenApiExample("One's own", {}, request_only=True),
    OpenApiExample("A server's wish", {"visitor": "user:42"}, request_only=True),
    OpenApiExample("A token", TOKEN, response_only=True, status_codes=["201"]),
]
ANSWER_EXAMPLE = OpenApiExample("A list of one", ANSWER, response_only=True, status_codes=["200"])
FEEDBACK_EXAMPLES = [
    OpenApiExample("One event", EVENT, request_only=True),
    OpenApiExample("A batch", [EVENT, {"kind": "view", "item": "gone"}], request_only=True),
    OpenApiExample("A beacon", {"token": TOKEN["token"], "events": [EVENT]}, request_only=True),
    OpenApiExample("A server's", {**EVENT, "visitor": "user:42"}, request_only=True),
    OpenApiExample("One of two", OUTCOME, response_only=True, status_codes=["200"]),
]

EXPORT = {
    "visitor": {
        "user": "42",
        "external_id": None,
        "features": {},
        "first_seen": "2026-05-01T09:30:00+00:00",
    },
    "feedback": [
        {
            "time": "2026-05-01T09:31:12+00:00",
            "kind": "view",
            "value": None,
            "item": {"source": "shop.product", "object_id": "42", "title": ITEM["title"]},
            "scenario": "home",
            "recommendation": ANSWER["id"],
            "basket": "",
        }
    ],
    "recommendations": [],
    "relations": [],
}
RECEIPT = {
    "id": "f7c1d1de-1f0b-4c0e-9d0d-2f3f1f6f3c11",
    "erased_at": "2026-06-01T12:00:00+00:00",
    "rows": {"mtrec_feedback": 12, "mtrec_visitor": 1},
    "signature": "1kqzN3…",
}
EXPORT_EXAMPLE = OpenApiExample("A visitor", EXPORT, response_only=True, status_codes=["200"])
RECEIPT_EXAMPLE = OpenApiExample("A receipt", RECEIPT, response_only=True, status_codes=["200"])
