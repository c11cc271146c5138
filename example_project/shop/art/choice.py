# ruff: noqa: E501 (a row of a table is one line)
"""Which drawing, colours and pattern a product's words ask for."""

from __future__ import annotations

import re
import zlib
from functools import cache
from typing import NamedTuple

RULES: tuple[tuple[str, str], ...] = (
    ("bottlewarm", "hot ?water ?bottle|hottie"),
    ("handwarmer", "hand ?warmer"),
    ("doormat", "door ?mat|mat\\b"),
    ("bicycle", "bicycles?"),
    ("popcorn", "popcorn"),
    ("lamp", "night ?light"),
    ("box", "(jewellery|trinket|sewing|recipe) box|toy tidy"),
    ("hangingheart", "heart of wicker|wicker heart|heart decoration"),
    ("apron", "aprons?\\b"),
    ("pegs", "(clothes )?pegs?\\b"),
    ("cases", "cake cases|fairy cake|cupcakes?|petit four|muffin|loaf"),
    ("lunchbag", "lunch bag|picnic bag|cool ?bag"),
    ("lunchbox", "lunch ?box|snack box"),
    ("suitcase", "suitcase|luggage|cabin bag|weekend bag|travel bag|mini cases|cases (woodland|design)"),
    ("bag", "(jumbo|charlotte|tote|shoulder|shopping|storage|gift|beach|party|candy|hand) ?bag|shopper"),
    ("card", "card\\b(?! holder| wallet| case)|cards\\b(?! game)|invites"),
    ("ribbon", "ribbons?|reel\\b"),
    ("wrap", "wrap\\b|wrapping"),
    ("bird", "bird ornament"),
    ("hangingtlight", "(hanging|heart).*t-light"),
    ("bunting", "bunting|garland|paper chain|pennant|flags?\\b|banner"),
    ("balloon", "balloons?"),
    ("napkins", "napkins?|doil(y|ies|ey)|tissue ream|handkerchief"),
    ("tissues", "tissues?"),
    ("stocking", "stockings?|socks?\\b"),
    ("wreath", "wreath"),
    ("lights", "fairy lights|(?<!t-)(?<!tea )(?<!night )lights\\b|light (chain|garland|string)|bitty light"),
    ("tree", "tree"),
    ("tlight", "t-light|tea ?light|votive"),
    ("lantern", "lantern"),
    ("candle", "candles?|chocolatecandle|candle ?(stick|pot|holder)"),
    ("lamp", "lamp(shade)?|chandelier"),
    ("clock", "clock|timer|watch\\b"),
    ("chalkboard", "chalk ?board|black ?board|memo ?board|notice ?board|slate"),
    ("letters", "letters?\\b|block words?|building block|alphabet|number tile"),
    ("mirror", "mirror(ed)?"),
    ("frame", "frames?|picture|canvas|wall art|print\\b|photo|poster|portrait"),
    ("sign", "signs?\\b|plaque|door ?sign|door hanger"),
    ("magnet", "magnets?"),
    ("cakestand", "cake ?stand|tier"),
    ("teapot", "tea ?pot|tea for one|tea set|coffee pot|cafeti"),
    ("teacup", "tea ?cup|saucer|espresso|expresso"),
    ("mug", "mugs?|cups?\\b|beaker|tankard"),
    ("jug", "jugs?|pitcher|carafe|vase|watering jug|decanter"),
    ("cutlery", "cutlery|forks?\\b|knife|knives|chopsticks"),
    ("glass", "goblet|wine|tumbler|champagne|flute|sundae|glass(es)?$|drinking glass|tea glass|cocktail"),
    ("plate", "plates?\\b|dish(es)?|platter|place ?mats?|coasters?|trays?|saucer"),
    ("bowl", "bowls?|basin|colander|ramekin"),
    ("scales", "scales?"),
    ("cutters", "cutters?|moulds?|jelly"),
    ("apron", "apron"),
    ("glove", "oven glove|gloves?|mitten"),
    ("towel", "towels?|tea ?towels?|flannel|table ?cloth|throw|blanket|quilt|rug\\b|cloth\\b"),
    ("pegs", "pegs?"),
    ("spoon", "spoons?|ladle|whisk|spatula|masher|brush|server|utensil"),
    ("plasters", "plasters|first aid|emergency"),
    ("jar", "jars?|jam\\b|honey|salt|pepper|container|canister|pot ?pourri"),
    ("tin", "tins?\\b|tub\\b|bin\\b|bucket|caddy|canister|pan\\b"),
    ("moneybank", "money ?(bank|box)|piggy|cash"),
    ("purse", "purse|wallet|make ?up|cosmetic|passport|card holder|pouch|clutch"),
    ("bag", "bags?\\b|shopper|handbag|rucksack|backpack|tote|satchel|sack"),
    ("umbrella", "umbrella|rain"),
    ("parasol", "parasol"),
    ("earrings", "earrings?|hair ?(clip|slide|grip|band)s?"),
    ("bracelet", "bracelet|bangle|anklet"),
    ("ring", "ring\\b(?! binder)|brooch|diamante"),
    ("necklace", "necklace|neckl|pendant|charm|beads?|lariat|choker|jewel"),
    ("scarf", "scarf|hat\\b|shawl|slipper|shoe|t-shirt|jumper"),
    ("card", "cards?\\b|postcard|invites|notelet|greeting"),
    ("tag", "tags?\\b|luggage tag|label"),
    ("ribbon", "ribbons?|reel|tape\\b|lace\\b|bow\\b"),
    ("wrap", "wrap\\b|wrapping|gift paper|paper\\b"),
    ("notebook", "notebooks?|note ?pad|book|diary|journal|album|organi[sz]er|calend"),
    ("pencils", "pencils?|pens?\\b|crayons?|chalk|stationery|paint\\b|paint set|eraser|rubber|sharpener|ruler"),
    ("sewing", "sewing|knit(ting)?|thread|cross ?stitch|wool|craft kit|felt ?craft kit|twine|scissor"),
    ("doll", "doll(y|s)?\\b|babushka|fairy|princess|girl|angel|geisha"),
    ("jigsaw", "jigsaw|puzzle"),
    ("game", "games?|dominoes|bingo|ludo|snakes|chess|cards game|solitaire|croquet|skittles|rounders|naughts"),
    ("blocks", "blocks?|toy|spinning|playhouse|yo ?yo|marbles|skipping|harmonica|glider|robot|rocket|car\\b"),
    ("cushion", "cushions?|pillow|pad\\b|kneeling|seat"),
    ("wateringcan", "watering"),
    ("birdhouse", "bird ?house|feeder|bird table|nest|dovecote|birdcage|hen house|cottage"),
    ("trowel", "trowel|fork|spade|secateurs|garden tool|gardening"),
    ("windmill", "windmill|spinner"),
    ("plantpot", "plant|pots?\\b|planter|herb|grow|seeds?|cactus|bulb|orchid"),
    ("basket", "basket|hamper|crate|wicker (?!heart|star)"),
    ("knob", "knobs?|handle"),
    ("hook", "hooks?|hangers?|coat ?rack|rack\\b"),
    ("key", "keys?\\b|fob|lock"),
    ("cabinet", "cabinet|drawers?|chest|shelf|shelves|cupboard|dresser|wardrobe|table\\b|stand\\b|tidy|unit"),
    ("chair", "chair|stool|bench"),
    ("box", "box(es)?\\b|case\\b"),
    ("incense", "incense|oil burner"),
    ("soap", "soap|sponge|bath|lip gloss|nail|shower"),
    ("bottle", "bottle|perfume|oil"),
    ("bauble", "baubles?|ornament|decoration .*(glass|christmas)|christmas (ball|glass)"),
    ("star", "stars?\\b|snowflakes?"),
    ("butterfly", "butterfl|dragonfly|b'fly"),
    ("bird", "birds?|dove|owl|chick|hen\\b|cockerel|robin|duck|swallow|peacock|flamingo"),
    ("toy", "rabbit|bunny|bear|dog|cat\\b|mouse|mice|monkey|monster|frog|sheep|reindeer|animal|elephant|dinosaur|pony|horse"),
    ("hangingheart", "hearts?|hanging|decoration"),
    ("flower", "flowers?|rose|daisy|poppy|blossom|lily|sunflower|bouquet|petal"),
    ("cutlery", "picnic"),
)  # fmt: skip

SHELF_MOTIF = {
    "christmas": "bauble", "party": "balloon", "bags-purses": "bag", "kitchen-baking": "tin", "tea-table": "teacup", "candles-lights": "candle",
    "decorations": "hangingheart", "walls-signs": "frame", "storage-furniture": "box", "garden": "plantpot", "cards-wrap": "card",
    "stationery-craft": "pencils", "toys-games": "blocks", "jewellery-accessories": "necklace", "cosy-home": "cushion", "bath-fragrance": "soap",
}  # fmt: skip
"""What stands for a shelf, and for a product whose words say nothing."""

PATTERNS: tuple[tuple[str, str], ...] = (
    ("dots", "retro ?spots?|polka ?dots?|spott?y|spots?\\b|dots?\\b|dotty"),
    ("gingham", "gingham|check(ed)?|tartan|scott?ie"),
    ("stripe", "strip(e|es|ey|y)|circus|deck ?chair|seaside|candy"),
    ("jack", "union|jack|london|british|keep calm|flag|jubilee"),
    ("skulls", "skulls?|pirate|gothic"),
    ("paisley", "paisley|indian|moroccan|kashmir|folk ?art|scandinavian|babushka"),
    ("space", "space ?boy|rocket|robot|space|planet"),
    ("leaf", "woodland|leaf|leaves|forest|botanical|garden|tree|fern|ivy|holly"),
    ("berries", "strawberr(y|ies)|cherr(y|ies)|apples?|fruit|berries|pears?"),
    ("floral", "floral|flowers?|ros(e|es|y)\\b|daisy|poppy|blossom|suki|toile|dolly|vintage|regency|sweetheart|charlotte|english"),
    ("hearts", "hearts?|love|valentine"),
    ("stars", "stars?|christmas|noel|snow|fairy|magic|glitter"),
    ("lace", "lace|doil(y|ey|ies)|filigree|baroque|victorian|edwardian|georgian|antique|trellis|etched|french"),
    ("plain", "."),
)  # fmt: skip

COLOURS: tuple[tuple[str, str], ...] = (
    ("red", "red|cherry|strawberry|ruby|poppy|retro ?spot|christmas|tomato|union"),
    ("pink", "pink|rose|fuchsia|fuschia|cerise|raspberry|sweetheart|dolly|flamingo"),
    ("blue", "blue|navy|sky|sea|spaceboy|denim|sapphire"),
    ("green", "green|mint|olive|lime|emerald|woodland|garden|leaf|herb|apple"),
    ("yellow", "yellow|lemon|sunflower|gold|honey|mustard|chick|easter"),
    ("cream", "cream|ivory|white|pearl|lace|natural|frosted|clear"),
    ("black", "black|skulls?|slate|jet|midnight|chalkboard"),
    ("grey", "silver|zinc|metal|grey|chrome|steel|pewter|glass|antique"),
    ("purple", "purple|lilac|lavender|amethyst|violet|mauve|plum"),
    ("brown", "brown|chocolate|wood(en)?|wicker|coffee|rustic|bronze|copper|amber"),
    ("turquoise", "turquoise|turq|teal|aqua|eau de nile|duck egg|ocean"),
    ("orange", "orange|coral|apricot|terracotta|peach"),
)  # fmt: skip

PLAIN_WORDS = frozenset(
    [
        "red",
        "pink",
        "blue",
        "navy",
        "green",
        "mint",
        "yellow",
        "gold",
        "cream",
        "ivory",
        "white",
        "black",
        "silver",
        "grey",
        "zinc",
        "purple",
        "lilac",
        "brown",
        "turquoise",
        "orange",
    ]
)
"""Words that name a colour outright; what only brings one to mind (a garden is green) counts where there is none."""

UNSAID = ("red", "blue", "green", "pink", "yellow", "turquoise", "orange", "purple", "grey")


class Art(NamedTuple):
    """All that a picture depends on; `name` is its address, so it can be cached for good."""

    motif: str
    colour: str
    pattern: str
    seed: int  # 0 to 999: which of the accents, backdrops and tilts

    @property
    def name(self) -> str:
        return f"{self.motif}-{self.colour}-{self.pattern}-{self.seed}"


def _compile(table: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile(rf"\b(?:{words})", re.I)) for name, words in table)


_MOTIFS, _PATTERNS, _COLOURS = _compile(RULES), _compile(PATTERNS), _compile(COLOURS)


@cache
def art_of(title: str, sku: str, shelf: str) -> Art:
    """Choose a picture for a product: the same words and stock code always give the same one."""
    seed = zlib.crc32(sku.encode()) % 1000
    motif = next((name for name, words in _MOTIFS if words.search(title)), SHELF_MOTIF.get(shelf, "parcel"))
    pattern = next((name for name, words in _PATTERNS if words.search(title)), "plain")
    found = [
        (match[0].lower() not in PLAIN_WORDS, match.start(), name)
        for name, words in _COLOURS
        for match in words.finditer(title)
    ]
    colour = min(found)[2] if found else UNSAID[seed % len(UNSAID)]
    return Art(motif, colour, pattern, seed)
