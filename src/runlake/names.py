"""New ids, and names that people can say to each other."""

from __future__ import annotations

import os
import zlib

ID_LENGTH = 8
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

ADJECTIVES = tuple(
    """
    able agile airy amber ample apt arctic astral autumn azure balmy bold bonny brave bright brisk bronze bubbly calm
    candid careful cheerful chipper civil clear clever coastal comfy cool copper cordial cosmic cosy crimson
    crisp crystal curious dainty dapper daring dawning deft dewy eager early earnest easy elated elegant emerald
    faithful famous fancy fearless fine fleet floral fluent fond frank fresh friendly frosty gallant generous gentle
    gilded glad gleaming golden graceful grand grateful happy hardy hearty helpful honest hopeful humble indigo ivory
    jaunty jolly jovial joyful keen kind lasting lavender leafy lively loyal lucid lucky lunar lush mellow merry
    mighty mild mindful mossy neat nimble noble opal open patient peachy placid playful plucky polished proud quick
    quiet radiant ready rosy royal ruby rustic sandy scarlet serene sharp shiny silent silver simple sincere sleek
    smooth snowy snug solar solid sparkling spirited spry stellar still sturdy sunny swift tender thankful tidy
    tranquil trusty upbeat valiant velvet verdant vivid warm wise witty woven young zesty
    """.split()  # noqa: SIM905  (as a list it would be a page of quotation marks)
)
"""Friendly ones only, sorted."""

NOUNS = tuple(
    """
    acorn alder alpaca anchor apple aspen aster badger bamboo banjo basin bay beacon beaver beech birch bison blossom
    bluebird branch breeze bridge brook buffalo butterfly cabin cactus canoe canyon cedar cello cherry cliff cloud
    clover comet compass condor coral cottage cove coyote crane creek cricket cypress daisy delta dolphin dove dune
    eagle ember falcon feather fern field finch firefly fjord flute forest fountain fox galaxy garden gazelle geyser
    glacier glade grove gull harbor harp hawk hazel hedgehog heron hill horizon iris island ivy jasmine juniper kayak
    kestrel kingfisher lagoon lake lantern lark laurel leaf lemur lighthouse lilac lily linden lotus lynx magnolia
    maple marmot marsh meadow mesa meteor mill moon moose mountain nebula oak oasis ocean orbit orchard orchid otter
    owl palm panda path peak pebble pelican penguin peony piano pine planet plateau pond poplar poppy prairie puffin
    quail quartz raven reed reef ridge river robin rose sage sail salmon seal shell shore sky sloop sparrow spring
    spruce squirrel star stone stream summit sun swallow swan thistle thrush tide trail tulip tundra valley violet
    walnut wave whale willow wind wolf wren
    """.split()  # noqa: SIM905  (as a list it would be a page of quotation marks)
)
"""Things of nature and quiet work, sorted."""


def new_run_id() -> str:
    """Eight letters and digits that nobody can guess; 2.8 × 10^12 are possible."""
    # The system's source, as `secrets` uses, without the cost of importing it; the remainder's bias is below 2^-80.
    number = int.from_bytes(os.urandom(16))
    letters = []
    for _ in range(ID_LENGTH):
        number, digit = divmod(number, len(_ID_LETTERS))
        letters.append(_ID_LETTERS[digit])
    return "".join(letters)


def default_name(run_id: str, number: int) -> str:
    """``adjective-noun-number``: the words follow from the id alone, the number makes it unique in a project."""
    seed = zlib.crc32(run_id.encode("utf-8", "surrogatepass"))
    noun, adjective = divmod(seed, len(ADJECTIVES))
    return f"{ADJECTIVES[adjective]}-{NOUNS[noun % len(NOUNS)]}-{number}"
