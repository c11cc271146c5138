"""Markup goes, words stay apart."""

from __future__ import annotations

import pytest

from mtrec_django.catalog.plaintext import plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("  a \n b\t", "a b"),
        ("a\x00b", "a b"),
        ("<p>One.</p><p>Two</p>", "One. Two"),
        ("a<br>b", "a b"),
        ("<b>un</b>broken", "unbroken"),
        ("Tea &amp; cake &#8211; 5&nbsp;€", "Tea & cake – 5 €"),
        ("R&D < 5 > 3", "R&D < 5 > 3"),
        ("<b>R&D</b> at 3 < 5", "R&D at 3 < 5"),
        ("x<script>alert('no')</script>y<style>p {}</style>z", "x y z"),
        ("<!-- comment -->seen", "seen"),
    ],
)
def test_plain(text: str, words: str) -> None:
    assert plain(text) == words
