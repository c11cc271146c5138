"""Links on recommended items: record the click, then go where the item is."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .catalog.registry import source_for
from .events.tracking import track
from .exceptions import MtrecError, NotRegistered
from .models import Item
from .serving.complaints import complain
from .serving.recommendations import Link, unsign

KIND = "click"


@never_cache
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Record that a recommended item was clicked, once an answer and item, and redirect to the item's own page.

    Where it leads is looked up, never read from the address, so it is no open redirect. A link that is too old or was
    tampered with leads there too, and is not counted; nor are prefetches.
    """
    link = unsign(token)
    item = Item.objects.filter(pk=link.item).first() if link else None
    if link is None or item is None:
        raise Http404("There is no such item.")
    url = _url_of(item)
    if link.trusted and not _is_prefetch(request):
        _record(request, item, link)
    response = HttpResponseRedirect(url)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _url_of(item: Item) -> str:
    try:
        source = source_for(item.source)
    except NotRegistered as error:
        raise Http404(str(error)) from error
    obj = source.model._default_manager.filter(pk=item.object_id).first()
    url = source.url(obj) if obj is not None else ""
    if not url:
        raise Http404("The item has no page any more.")
    return url


def _is_prefetch(request: HttpRequest) -> bool:
    """Browsers and mail programs look ahead at links that nobody clicked."""
    purposes = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return request.method == "HEAD" or any("prefetch" in purpose.lower() for purpose in purposes)


def _record(request: HttpRequest, item: Item, link: Link) -> None:
    try:
        track(request, KIND, item, recommendation=link.answer, key=f"{KIND}:{link.answer}:{link.item}")
    except MtrecError as error:
        complain("a click was not recorded", error)
