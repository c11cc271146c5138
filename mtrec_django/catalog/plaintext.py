"""Text as an encoder should read it: what a shop's description is once the markup is out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

_MARKUP = re.compile(r"</?[a-zA-Z!]|&#?\w+;")
_INLINE = {"a", "b", "code", "em", "font", "i", "mark", "small", "span", "strong", "sub", "sup", "u"}
_UNSEEN = {"script", "style"}


def plain(text: str) -> str:
    """One line without tags, entities, runs of blanks and NUL (which Postgres refuses)."""
    if _MARKUP.search(text):
        parser = _Words()
        parser.feed(text)
        parser.close()
        text = "".join(parser.words)
    return " ".join(text.replace("\x00", " ").split())


class _Words(HTMLParser):
    """Django's `strip_tags` glues the last word of a paragraph to the first of the next, and turns R&D into R&D;."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.unseen = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.unseen = tag in _UNSEEN
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        self.unseen = False
        self._part(tag)

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.words.append(data)

    def _part(self, tag: str) -> None:
        if tag not in _INLINE:
            self.words.append(" ")
