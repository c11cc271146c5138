"""A shop on real data that shows what mtrec_django does."""

from .celery import app as celery_app

__all__ = ["celery_app"]
