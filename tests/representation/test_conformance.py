from __future__ import annotations

from functools import cache

import pytest

from mtrec_django.representation.encoders import HashingEncoder, MiniLM, TextEncoder

from .conformance import TextEncoderTests


@cache
def minilm() -> TextEncoder:
    return MiniLM()


class TestHashing(TextEncoderTests):
    @pytest.fixture
    def encoder(self) -> TextEncoder:
        return HashingEncoder()


@pytest.mark.slow
class TestMiniLM(TextEncoderTests):
    @pytest.fixture
    def encoder(self) -> TextEncoder:
        return minilm()
