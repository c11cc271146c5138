"""The README's own lines make a site that recommends: they are written to files and run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

SETTINGS = """
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
ROOT_URLCONF = "urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "shop"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
}]
ENGINE = "django.db.backends.postgresql"
DATABASES = {"default": {"ENGINE": ENGINE, "NAME": "readme", "USER": "%(user)s", "HOST": "%(host)s"}}
"""

MODELS = """
from django.db import models

class Brand(models.Model):
    name = models.CharField(max_length=50)

class Category(models.Model):
    name = models.CharField(max_length=50)

class Product(models.Model):
    title = models.CharField(max_length=100)
    brand = models.ForeignKey(Brand, models.CASCADE)
    category = models.ForeignKey(Category, models.CASCADE)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.IntegerField(default=1)

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return f"/product/{self.pk}/"
"""

URLS = """
from django.urls import include, path
from shop import views
urlpatterns = [path("product/<int:pk>/", views.product_page)]
"""

VISIT = """
import django, os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", run_syncdb=True, verbosity=0)
call_command("check")
from shop.models import Brand, Category, Product
brand, category = Brand.objects.create(name="Acme"), Category.objects.create(name="Mugs")
for k in range(12):
    Product.objects.create(title=f"Mug number {k}", brand=brand, category=category, price=k + 1, stock=k % 4)
call_command("mtrec_sync", no_encode=True, verbosity=0)
client = Client()
shown = Product.objects.filter(stock__gt=0)
first = shown.first()
page = client.get(first.get_absolute_url()).content.decode()
names = [product.title for product in shown.exclude(pk=first.pk)]
assert sum(f"{name}<" in page or f">{name}" in page or name in page for name in names) >= 6, page
for product in Product.objects.filter(stock=0):
    assert f"{product.title}<" not in page, f"{product.title} is sold out"
from mtrec_django.models import Feedback, Recommendation
assert Feedback.objects.filter(kind="view").count() == 1
assert Recommendation.objects.exists()
import sys
assert "torch" not in sys.modules
print("the README works")
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def pieces() -> dict[str, str]:
    """The files of the first Python block, by the names in its comments."""
    found = re.split(r"^# ([\w/]+\.py)[^\n]*\n", blocks("python")[0], flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def test_it_is_less_than_25_lines() -> None:
    lines = [line for line in blocks("python")[0].splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) < 25


def test_the_two_commands_stand_there_to_the_letter() -> None:
    commands = [block.strip() for block in blocks("sh") if "\n" not in block.strip()]
    for ending in ("&& python manage.py demo", "&& pytest"):
        assert [command for command in commands if command.endswith(ending)], ending


def test_pictures_that_are_shown_exist() -> None:
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture


@pytest.mark.django_db(transaction=True)
def test_its_lines_make_a_site_that_recommends(tmp_path: Path, postgres_uri: str) -> None:
    import psycopg
    from django.db import connection

    with psycopg.connect(postgres_uri, autocommit=True) as admin:
        admin.execute("drop database if exists readme")
        admin.execute("create database readme")
    parts = pieces()
    where = {"user": connection.settings_dict["USER"], "host": connection.settings_dict["HOST"]}
    (tmp_path / "shop" / "templates").mkdir(parents=True)
    files = {
        "settings.py": SETTINGS % where + parts["settings.py"],
        "urls.py": URLS + parts["urls.py"],
        "shop/__init__.py": "",
        "shop/models.py": MODELS,
        "shop/recommendations.py": parts["shop/recommendations.py"],
        "shop/views.py": "from django.shortcuts import get_object_or_404, render\nfrom shop.models import Product\n"
        + parts["shop/views.py"],
        "shop/templates/product.html": "<h1>Here</h1>" + blocks("django")[0],
        "visit.py": VISIT,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    env = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "visit.py"],
        cwd=tmp_path,
        env=env | {"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the README works" in done.stdout
