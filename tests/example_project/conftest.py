"""A shop of seven products, its history imported, served by the package's fallback answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from example_project.shop.loading import load_shop
from example_project.shop.models import Product
from mtrec_django.serving import complaints, live
from tests.example_project.folder import write_folder


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """What one test's shop was served with is unknown to the next."""
    live.reset()
    complaints.forget()
    yield
    live.reset()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path)


@pytest.fixture
def shop(db: None, folder: Path) -> dict[str, Product]:
    """The products by stock code, as the demo leaves them before any training."""
    load_shop(folder)
    call_command("mtrec_sync", "--no-encode", verbosity=0)
    call_command("mtrec_import", "--history", verbosity=0)
    return {product.sku: product for product in Product.objects.all()}
