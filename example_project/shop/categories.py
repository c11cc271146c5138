# ruff: noqa: E501 (a row of the table is one line)
"""Shelves of the shop: the source knows no categories, so words of the title decide.

An honest heuristic: the first row of RULES with a word in the title wins; what no row knows is "Odds and ends".
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Shelf(NamedTuple):
    """A category as it is shown."""

    name: str
    slug: str
    blurb: str


CHRISTMAS = Shelf("Christmas", "christmas", "Baubles, stockings and everything that twinkles.")
PARTY = Shelf("Party", "party", "Bunting, balloons and cake candles for any excuse.")
BAGS = Shelf("Bags & purses", "bags-purses", "Jumbo bags, lunch bags, shoppers and little purses.")
KITCHEN = Shelf("Kitchen & baking", "kitchen-baking", "Tins, moulds, aprons and a hook for every ladle.")
TABLE = Shelf("Tea & table", "tea-table", "Cups, cake stands and plates for a long breakfast.")
CANDLES = Shelf("Candles & lights", "candles-lights", "Lanterns, T-lights and strings of small lamps.")
DECOR = Shelf("Decorations", "decorations", "Hearts, birds and other things that want to be hung.")
WALLS = Shelf("Walls & signs", "walls-signs", "Frames, clocks, mirrors and words in tin and wood.")
STORAGE = Shelf("Storage & furniture", "storage-furniture", "Boxes, drawers, hooks and the odd grand cabinet.")
GARDEN = Shelf("Garden & outdoors", "garden", "Pots, parasols, bicycle bells and homes for birds.")
CARDS = Shelf("Cards & wrap", "cards-wrap", "Cards, ribbon and paper by the roll.")
CRAFT = Shelf("Stationery & craft", "stationery-craft", "Notebooks, pencils, felt and thread.")
TOYS = Shelf("Toys & games", "toys-games", "Jigsaws, skipping ropes and a rabbit or two.")
JEWELLERY = Shelf("Jewellery & accessories", "jewellery-accessories", "Necklaces, scarves and umbrellas.")
COSY = Shelf("Cosy home", "cosy-home", "Cushions, doormats and hot water bottles.")
BATH = Shelf("Bath & fragrance", "bath-fragrance", "Incense, soaps and scented sachets.")
OTHER = Shelf("Odds and ends", "odds-ends", "Whatever would not fit on another shelf.")

RULES: tuple[tuple[Shelf, str], ...] = (
    (CHRISTMAS, r"christmas|xmas|advent|santa|rudolph|reindeer|bauble|snowman|snowmen|noel|nativity|stockings?|mistletoe|jingle|snowflakes?|crackers|angel|glitter tree|feather tree|festive"),
    # Nouns that settle the matter, whatever else the title names ("hot water bottle skulls" is no party).
    (COSY, r"hot ?water ?bottles?|door ?mats?|hand ?warmers?|door ?stops?|cushion covers?|floor cushions?"),
    (GARDEN, r"watering cans?|bird ?houses?|bird ?feeders?|parasol (black|red|natural|pink)|Edwardian parasol"),
    (KITCHEN, r"cake cases|aprons?|lunch box|cake tins?|oven gloves?|tea ?towels?|cookie cutters?|kitchen scales|jelly moulds?|bread bin|baking set|snack box(es)?|chopping board|egg (frying )?pan"),
    (PARTY, r"(party|cake|birthday) candles?|bunting|paper (napkins?|plates?|cups?|chain kit|doil(y|ies))|napkins|balloons?|popcorn holder|easter"),
    (CARDS, r"gift (bag|box|tag|tape|boxes|tags|wrap)s?|(birthday|greetings?|gift) cards?|ribbons?|wrap"),
    (STORAGE, r"(jewellery|trinket|jewelled) box(es)?|wall dresser|cabinet|knick ?knack tins?|drawer ?knobs?|(coat|sock) ?hangers?|\d hook hanger"),
    (DECOR, r"heart decorations?|decoration heart|hanging heart decoration|bird ornament"),
    (WALLS, r"metal signs?|wall art|alarm clock|clock|memo ?board|building block word|block letters|door sign|number tile|chalkboard"),
    (CRAFT, r"felt ?craft|sewing|knitting|colour(ing)? pencils?|sketch ?book|notebook"),
    (TOYS, r"money (bank|box)|playhouse|garden set|jigsaw|soft toy|puppet"),
    (TABLE, r"mugs?|tea ?cups?|tea set|teapot|cake ?stand|cutlery set|expresso cups?|coaster"),
    (GARDEN, r"(?<!magic )garden(?!ia)|gardener.*|parasol|plant(er|s| pot)?|flower ?pots?|watering can|bird ?(house|table|feeder|bath)|nest(ing)? box|dovecote|birdcage|seeds?|trowel|kneeling|hanging basket|wheelbarrow|feeding station|herb marker|bicycle|grow your own|grow a|windmill|sunflower"),
    (BAGS, r"(jumbo|lunch|tote|shoulder|beach|charlotte|cosmetics?|wash|make ?up|sponge|toilet(ry)?|nappy|picnic|shopp(er|ing)|storage|party|vanity|skulls|laundry|weekend|girls?|travel|hand|bowling|messenger|swimming|sports?|shoe) bag|(red )?retrospot bag|charlotte bag|bag .*(suki|vintage|paisley|apples|woodland|retrospot|dolly|spaceboy|charlie)|shopper|handbag|purse|wallet|rucksack|backpack|satchel|suitcase|luggage|passport|clutch|trolley|lunch ?box.*bag|card holder(?! love)|money belt|bag(?!s? .*gift)(?<!gift bag)(?<!sack bag)$"),
    (CARDS, r"cards?\b(?! game| holder| stand)|wrap\b|gift (bag|box|tag|tape|boxes|tags)s?|ribbons?|greeting|postcards?|gift ?wrap|tissue paper|bows?|tags?\b|invites?|notelets?|envelopes?|thank you|paper bag"),
    (PARTY, r"party|birthday|balloons?|bunting|banner|cake candles?|(paper|party) (cups?|plates?|straws?|napkins?|chain)|napkins?|garland|streamers?|confetti|pi[nñ]ata|pinata|tiara|lolly makers?|wedding|hen night|easter|bunn(y|ies) (egg|basket)|egg hunt|cocktail|confetti|masks?|disco|popcorn|doil(y|ies|ey) paper|paper doil(y|ies)|tutu|wand|fancy dress"),
    (CANDLES, r"t-?lights?|candles?(?! plate)|lanterns?|lamps?(hade)?|tealights?|light (chain|garland|strings?)|fairy lights?|lights\b|night ?light|chandelier|candle ?(pot|stick|holder)s?|candelabra|led\b|torch|tea ?light|snuffer|bitty light|string of.*light|light holder"),
    (BATH, r"incense|soap|bath\b|bathroom|scented|fragrance|sachets?|lavender|perfume|potpourri|shower|toothbrush|pamper|nail|massage|lip (gloss|balm)|tissues\b|plasters|first aid|hand cream|oil burner|towels?\b(?<!tea towel)(?<!tea towels)|flannel|talc|hairbrush|comb"),
    (JEWELLERY, r"necklace|bracelet|earrings?|bangle|ring\b(?! binder)|brooch|pendant|charm|jewel(s|lery|led)?|diamante|bead(s|ed)?|hair ?(clip|band|slide|grip|comb)s?|scarf|gloves?(?<!oven glove)(?<!oven gloves)|hat\b|umbrella|key ?(ring|fob|chain)|fob|watch\b|phone (charm|strap)|sombrero|slippers?|shoes?|socks?|belt|t-shirt|cufflinks?|anklet|lariat|choker|tights|mirror compact|sunglasses"),
    (TOYS, r"toys?|game|games|jigsaws?|puzzles?|dominoes|skittles|skipping|yo ?yo|dolls?\b(?! house .*lamp)|teddy|teddies|soft toy|playhouse|marbles?|naughts|pick ?up sticks|spinning top|puppets?|knitted|building blocks?|block words?|block word|magic (tree|drawing|toys?|garden)|drawing slate|tricycle|money ?(bank|box)|piggy|bingo|dinosaurs?|cars?\b|robot|plane|aeroplane|rocket|harmonica|ludo|snakes|whistle|kaleidoscope|inflatable|balls?\b|playing|rattle|baby|children'?s?|childs|kids|circus|toadstool pegs|frog|monster|bubbles?|kite|jack ?in ?the ?box|stickers?|tattoos?|windup|musical box|solitaire|poker|dice|chess|dartboard|bendy|gliders?|spinning tops?|sandcastle|spade|creepy crawl(y|ies)|colouring set|heads and tails"),
    (CRAFT, r"notebooks?|note ?pads?|pencils?|pens?\b|erasers?|rubber\b|sharpener|stationery|calculator|ruler|journal|diary|calend(a|e)r|organi[sz]er|craft|felt(craft)?|sewing|knitting|cross ?stitch|embroidery|button(s)?\b|thread|crayons?|chalk\b|paint|sketch|scissors|stamps?|tape\b|book ?cover|bookcover|paperweight|memo|jotter|letter (set|rack|opener)|origami|scrapbook|album|tape measure|glue|clips?|pin ?board|wool|ruled|address book|sticky|magnetic (note|to do)|recipe (box|book)|make your own|binder|folder|clipboard|books?\b|sketchbooks?|modelling|paper ?craft|chain kit|decoupage|kit\b"),
    (COSY, r"cushions?|doormats?|door ?mat|hot ?water ?bottles?|hand ?warmers?|blankets?|throw\b|quilt|rugs?|bed|curtains?|pillow|bean ?bag|draught|door ?stops?|tablecloth|warmer|cosy(?<!tea cosy)(?<!egg cosy)|eye ?mask|slipper|canopy|hammock|voile|bath ?mat|pouffe?|dressing gown|heat pack|fleece|net\b|seat pad|footstool|filler pad|poncho|acapulco mat|mat\b"),
    (WALLS, r"signs?|frames?|photo|clocks?|mirrors?|mirrored|wall|pictures?|canvas|print\b|plaques?|plate motto|chalkboard|blackboard|black board|memo board|noticeboard|notice board|poster|letters?\b|photograph|alphabet|number|hanger door|door hanger|word|magnets?|map|portrait"),
    (TABLE, r"mugs?|cups?\b(?! ?cake)|saucers?|tea ?cups?|teapots?|tea pots?|tea for one|tea (set|cosy|caddy|plate|tray|strainer|cup)|tea ?spoons?|coasters?|plates?|bowls?|jugs?|glass(es)?\b(?! (heart|star|cabinet|doors))|tumblers?|goblets?|beakers?|decanter|wine|carafe|cutlery|cake ?stands?|place ?mats?|chopsticks|salt|pepper|cruet|toast ?rack|egg ?cups?|milk|sugar|creamer|trays?|dish(es)?|platter|sundae|champagne|flutes?|tankards?|picnic|flask|bottle(?! opener)|butter|ramekins?|fondue|pitcher|straws?|doil(y|ies|ey)|swirly|espresso|cakestand|hob|tea"),
    (KITCHEN, r"kitchen|baking|bake|cake|cupcake|cookie|biscuit|jelly|moulds?|oven|apron|pantry|recipe|spoons?|whisk|rolling pin|scales?|bread|jam|jars?|chopping|cutters?|measuring|sieve|colander|tins?\b|snack|lunch ?box|food|spice|spices|tea ?towels?|utensils?|pan\b|casserole|grater|egg|timer|bottle opener|opener|cafeti?ere|coffee|pot ?holder|trivet|matches|toaster|cooking|ice cream|ice|bin\b|bucket|cheese|sandwich|corkscrew|knife|knives|dish ?cloth|soup|fruit|bottle|thermometer|enamel|containers?|sponge|peg bag|pegs?\b|airline|pot\b"),
    (STORAGE, r"box(es)?|storage|cabinet|drawers?|drawer ?knobs?|door ?knobs?|shel(f|ves)|hooks?|hangers?|rack|baskets?|cupboard|chest|table\b|chair|stool|bench|dresser|trunk|crates?|tidy|stand\b|holder|coat|knobs?|chest|unit|trinket|case|keys?\b|wastepaper|wardrobe|desk|sideboard|step\b|screen|console|handles?|tub|hat ?stand|planks?|ladder"),
    (DECOR, r"decorations?|decorative|ornaments?|hearts?|stars?|wreaths?|birds?|butterfl(y|ies)|flowers?|roses?|tree|hanging|mobile|vases?|feathers?|wicker|figurine|statue|bells?|doves?|pom ?pom|paper (chain|lantern)|chimes?|cherub|owls?|hens?|rabbits?|cockerel|sheep|urn|dec\b|swan|buddha|babushkas?|pots?|cats?|dogs?|baroque|angels?|leaf|leaves|pebbles?|petals?|chick(en|s)?|ball\b|drops?\b|cone|globe|cloche|ducks?|horses?|skulls?|artificial|blossom|orchid|spray|branch|fan\b|dream ?catcher|cherry|lily|beads|suncatcher"),
)  # fmt: skip

_COMPILED = tuple((shelf, re.compile(rf"\b(?:{words})\b", re.I)) for shelf, words in RULES)
SHELVES = (
    CHRISTMAS, PARTY, TABLE, KITCHEN, BAGS, CANDLES, DECOR, WALLS, COSY, STORAGE, GARDEN, CARDS, CRAFT, TOYS, JEWELLERY,
    BATH, OTHER,
)  # fmt: skip
"""All shelves in the order of the menu."""


def shelf_of(title: str) -> Shelf:
    """Find the category of a title."""
    return next((shelf for shelf, pattern in _COMPILED if pattern.search(title)), OTHER)
