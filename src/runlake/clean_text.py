"""Text of others, made fit for a terminal and for people: what could move the cursor or hide what follows is spelt out.

Everything that is printed and quotes a title, a name, a key, a value or a file name passes here. Pure, and without an
import until there is something to clean: a training process says things too.
"""

from __future__ import annotations

import re

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_COLOUR = re.compile(r"(\x1b\[[0-9;:]{0,40}m)")
_RESET = "\x1b[0m"


def one_line(text: str) -> str:
    """Text without controls, marks of direction and ends of lines: such characters are spelt out."""
    if text.isprintable():
        return text
    return "".join(ascii(each)[1:-1] if _is_hidden(each) else each for each in text)


def lines(text: str) -> str:
    """The same for text of several lines, as tracebacks are: it keeps its line feeds, and nothing else."""
    return "\n".join(map(one_line, text.split("\n")))


def coloured_line(text: str, width: int) -> str:
    """One line that a program printed, cut to a terminal's width: it keeps its colours, which end with it."""
    parts = _COLOUR.split(text)  # every second one is a colour
    shown: list[str] = []
    for number, part in enumerate(parts):
        clean = part if number % 2 else one_line(part)
        if not number % 2:
            if len(clean) > width:
                shown.append(clean[: max(width - 1, 0)] + "…")
                break
            width -= len(clean)
        shown.append(clean)
    return "".join(shown) + (_RESET if len(shown) > 1 else "")


def without_colours(text: str) -> str:
    """A line that a program printed, where nobody shows colours."""
    return _COLOUR.sub("", text)


def json_text(text: str) -> str:
    """A JSON document with such characters as escapes: the same document for whoever parses it.

    JSON itself escapes those below U+0020 alone; line feeds between its values stay.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(_escape(each) if each != "\n" and _is_hidden(each) else each for each in text)


def _escape(character: str) -> str:
    if ord(character) < 0x10000:
        return f"\\u{ord(character):04x}"
    units = character.encode("utf-16-be")
    return f"\\u{units[:2].hex()}\\u{units[2:].hex()}"


def _is_hidden(character: str) -> bool:
    if character.isprintable():
        return False
    import unicodedata

    return unicodedata.category(character) in _HIDDEN_CATEGORIES
