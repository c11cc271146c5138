"""Readable product titles out of the source's capitals."""

from __future__ import annotations

import re

_WORDS = """
    Christmas Easter London Paris English England French France Scandinavian Victorian Edwardian Georgian Regency Union
    Jack Charlie Lola Charlotte Suki Spaceboy Dolly Madeline Parisienne Toile Valentine Valentines Santa Rudolph Noel
    Hawaiian Moroccan Chinese Indian Tuscan Provence Mexican Dutch Egyptian Turkish Japanese Marrakesh Kashmir Cannes
    Bakelite Monte Carlo Halloween Jubilee Buffalo Bill Ingrid Betty Boop Suffolk Birmingham Gothic Alice Oxford Empire
    LED DIY TV UFO BBQ CD IPOD USB VIP DVD II III XMAS I
"""
PROPER = {word.upper(): word for word in _WORDS.split()}
"""Words that keep a capital, or all of them, inside a sentence."""

REPLACED = (
    (re.compile(r"\bs(?:et)?/(\d+)\b", re.I), r"set of \1"),
    (re.compile(r"\bset (\d+)\b", re.I), r"set of \1"),
    (re.compile(r"\basst?(?:d)?\b\.?", re.I), "assorted"),
    (re.compile(r"\bp/c\b", re.I), "postcard"),
    (re.compile(r"\bt[- ]?light", re.I), "T-light"),
    (re.compile(r"\bt[- ]?shirt", re.I), "T-shirt"),
    (re.compile(r"(\d)\s*cm\b", re.I), r"\1 cm"),
    (re.compile(r"(\d)'s\b", re.I), r"\1s"),
    (re.compile(r"(\w)\s+/\s*(\w)"), r"\1/\2"),
    (re.compile(r"\s*\.+\s*$"), ""),
    (re.compile(r"\s*,\s*"), ", "),
    (re.compile(r"\s+"), " "),
)


def clean_title(raw: str) -> str:
    """Put a title into sentence case: `SET/6 IVORY BIRD T-LIGHT CANDLES` is `Set of 6 ivory bird T-light candles`.

    Only case, spaces, full stops and trade abbreviations change; misspellings of the source stay.
    """
    text = raw.strip()
    for pattern, replacement in REPLACED:
        text = pattern.sub(replacement, text)
    words = re.split(r"([A-Za-z][A-Za-z']*)", text.strip(" ,"))  # odd places hold the words
    words[1::2] = [PROPER.get(word.upper(), word.lower()) for word in words[1::2]]
    text = "".join(words).replace("t-light", "T-light").replace("t-shirt", "T-shirt")
    return text[:1].upper() + text[1:]
