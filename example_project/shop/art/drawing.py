"""One picture: backdrop, shadow, and a thing in its colours and pattern, as SVG of two or three kilobytes."""

from __future__ import annotations

from typing import NamedTuple

from .choice import Art
from .motifs import MOTIFS, STROKE
from .tiles import TILES


class Palette(NamedTuple):
    """Colours of a thing, and of the wall behind it."""

    main: str
    dark: str
    light: str
    wall: str
    spot: str


PALETTES = {
    "red": Palette("#cf3f3a", "#98262a", "#f4b8ab", "#fbeae4", "#f6d5ca"),
    "pink": Palette("#e68aa2", "#b6526f", "#fbdbe3", "#fdf0f2", "#f8d9e0"),
    "blue": Palette("#4a7fb5", "#2b537f", "#c4dbef", "#eaf2f8", "#d0e2f0"),
    "green": Palette("#6a9a63", "#3f6a40", "#d1e4c7", "#eff5ea", "#d8e8cf"),
    "yellow": Palette("#e4b13c", "#a87818", "#fae7b2", "#fdf6e1", "#f8e6b8"),
    "cream": Palette("#efe4cf", "#b59f7b", "#fffaf0", "#e9eeeb", "#d5dfd9"),
    "black": Palette("#3d4147", "#1f2226", "#a5abb3", "#eeeae4", "#ddd5ca"),
    "grey": Palette("#a3abb4", "#68727d", "#e0e5ea", "#f2efea", "#e2dcd3"),
    "purple": Palette("#8d73b4", "#5b4484", "#ddd0ee", "#f4effa", "#e2d6f0"),
    "brown": Palette("#a9764a", "#70472a", "#e6cdb2", "#f7efe6", "#ead8c3"),
    "turquoise": Palette("#4fa8a3", "#2b716f", "#c5e6e2", "#eaf5f3", "#cce6e2"),
    "orange": Palette("#e08350", "#a85426", "#fad6bf", "#fdf1e8", "#f8dcc7"),
}
ACCENTS = ("#e4b13c", "#cf3f3a", "#4a7fb5", "#4fa8a3", "#e68aa2", "#6a9a63")
WOOD, METAL, PAPER = "#c49a68", "#aab2ba", "#fffdf8"

BACKDROPS = (
    '<circle cx="200" cy="196" r="154" fill="{spot}"/>',
    '<path d="M70 340V190a130 130 0 0 1 260 0v150z" fill="{spot}"/>',
    '<rect x="52" y="52" width="296" height="288" rx="48" fill="{spot}"/>',
    '<path d="M200 44c96 0 164 58 160 148-4 86-66 142-160 142S44 278 40 192C36 102 104 44 200 44z" fill="{spot}"/>',
)


def draw(art: Art) -> str:
    """Draw a picture. Unknown words fall back to a plain parcel, so any address of the right form draws something."""
    palette = PALETTES.get(art.colour, PALETTES["grey"])
    accents = [accent for accent in ACCENTS if accent != palette.main]
    print_colour = palette.dark if art.colour == "cream" else palette.light if art.colour == "black" else PAPER
    tile = TILES.get(art.pattern, "").replace("{P}", print_colour).replace("{B}", palette.main)
    thing = MOTIFS.get(art.motif, MOTIFS["parcel"])
    colours = {
        "F": "url(#f)", "M": palette.main, "D": palette.dark, "L": palette.light, "A": accents[art.seed % len(accents)],
        "W": PAPER, "N": WOOD, "K": METAL, "S": STROKE,
    }  # fmt: skip
    for letter, colour in colours.items():
        thing = thing.replace("{" + letter + "}", colour)
    backdrop = BACKDROPS[art.seed // 7 % len(BACKDROPS)].replace("{spot}", palette.spot)
    tilt = art.seed % 7 - 3
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400"><defs>'
        '<pattern id="f" width="48" height="48" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate({art.seed % 5 * 3})"><path d="M0 0h48v48H0z" fill="{palette.main}"/>{tile}</pattern>'
        '<linearGradient id="g" x2="1" y2="1"><stop stop-color="#fff" stop-opacity=".55"/>'
        '<stop offset="1" stop-color="#fff" stop-opacity="0"/></linearGradient></defs>'
        f'<path d="M0 0h400v400H0z" fill="{palette.wall}"/>{backdrop}<path d="M0 0h400v400H0z" fill="url(#g)"/>'
        f'<ellipse cx="200" cy="330" rx="118" ry="12" fill="{palette.dark}" opacity=".2"/>'
        f'<g transform="rotate({tilt} 200 220)">{thing}</g></svg>'
    )
