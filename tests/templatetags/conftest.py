"""The same world as the tests of serving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mtrec_django
from tests.serving.conftest import _fresh_process, world

__all__ = ["_fresh_process", "world"]


@pytest.fixture(autouse=True)
def _own_templates(settings: Any) -> None:
    """The package's templates, not those that the example shop puts in their place."""
    folder = Path(mtrec_django.__file__).parent / "templates"
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [folder]}]
