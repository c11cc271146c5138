"""Settings of the example shop. Nothing secret stands here: a demo makes its own key and password."""

from __future__ import annotations

import os

from django.core.management.utils import get_random_secret_key

from mtrec_django.schedules import beat_schedule

from .environment import ROOT, broker_of, database_of, read_state

_state = read_state()
_database_url = os.environ.get("DATABASE_URL") or _state.get("database_url") or "postgresql://postgres@localhost/mtrec"

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or _state.get("secret_key") or get_random_secret_key()
DEBUG = os.environ.get("DJANGO_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "knox",
    "mtrec_django",
    "example_project.shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [
            ROOT / "example_project" / "shop" / "templates"
        ],  # before the apps: the shop's cards override the package's
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "example_project.shop.context_processors.shop",
            ],
        },
    },
]

DATABASES = {"default": database_of(_database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or broker_of(_database_url)
CELERY_TASK_IGNORE_RESULT = True  # what a run did stands in its row
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = beat_schedule()

MTREC = {"ENCODER": os.environ.get("MTREC_ENCODER", "minilm")}

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",  # keys of servers, stored as hashes
        "rest_framework.authentication.SessionAuthentication",
    ],
}
SPECTACULAR_SETTINGS = {"TITLE": "Pennyfarthing: recommendations", "VERSION": "1", "SERVE_INCLUDE_SCHEMA": False}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("STATIC_ROOT")  # for collectstatic; without it files come from the apps themselves
WHITENOISE_USE_FINDERS = True  # so that a demo needs no collectstatic
WHITENOISE_MAX_AGE = 3600

LOGIN_URL = "shop:sign-in"
LOGIN_REDIRECT_URL = "shop:home"
LOGOUT_REDIRECT_URL = "shop:home"
AUTH_PASSWORD_VALIDATORS: list[dict[str, str]] = []  # the customers have no passwords; the admin's is made by the demo
SECURE_REFERRER_POLICY = "same-origin"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "mtrec_django": {"level": os.environ.get("MTREC_LOG_LEVEL", "INFO")},
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}
