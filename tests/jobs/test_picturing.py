from __future__ import annotations

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from mtrec_django import jobs
from mtrec_django.catalog.sync import sync
from mtrec_django.jobs.arrays import read_items
from mtrec_django.models import Item, ItemContent
from tests.representation.test_images import picture

from .worlds import make_products

pytestmark = pytest.mark.django_db


@pytest.fixture
def items(settings, tmp_path) -> list[Item]:
    settings.MEDIA_ROOT = tmp_path
    settings.MTREC = {"ENCODER": "hashing", "IMAGE_ENCODER": "colours"}
    make_products()
    sync(["testsite.product"])
    found = list(Item.objects.order_by("pk"))
    names = [default_storage.save(f"{colour}.png", ContentFile(picture(colour))) for colour in ("red", "blue")]
    for item, name in zip(found, [*names, "../secret", "gone.png", "https://shop.example/x.png"], strict=False):
        item.image = name
        item.save()
    return found


def test_each_picture_is_encoded_once(items) -> None:
    assert jobs.encode_images() == 4  # two pictures, and two names where there is none
    assert jobs.encode_images() == 0
    items[0].image = items[1].image
    items[0].save()
    assert jobs.encode_images() == 1
    first, second = ItemContent.objects.filter(item__in=items[:2])
    assert bytes(first.vector) == bytes(second.vector)


def test_a_training_reads_them_beside_the_texts(items) -> None:
    assert read_items()[0].images is None
    jobs.encode_images()
    jobs.encode_items()
    read, _ = read_items()
    assert read.images is not None
    assert np.flatnonzero(np.any(read.images != 0, axis=1)).tolist() == [0, 1]
    assert read.content.shape == (24, 256)


def test_without_a_setting_nothing_is_encoded(items, settings) -> None:
    settings.MTREC = {"ENCODER": "hashing"}
    assert jobs.encode_images() == 0
