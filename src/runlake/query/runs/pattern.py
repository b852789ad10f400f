"""Patterns of the filter language: regular expressions in RE2's syntax, matched in a time that is linear in the text.

A pattern may come from anybody who may ask a server, and Python's own engine can take for ever over forty characters,
during which the whole process stands still. RE2, which Arrow brings along, cannot: in return it knows no lookaround and
no backreferences. ``\\d``, ``\\w``, ``\\s`` and ``\\b`` speak of ASCII, as in MongoDB, and ``$`` is the very end of the
text; letters of all scripts are ``\\p{L}``.

The syntax is RE2's but for what its users would stumble over: ``\\Z`` is ``\\z``, ``{,3}`` is ``{0,3}``, and the option
``x`` leaves out blanks and comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from runlake.errors import FilterError
from runlake.stopping import check_wanted

MAX_PATTERN_CHARACTERS = 10_000
"""RE2 itself bounds what a pattern may grow to when it is compiled."""

OPTIONS = "imsx"

_PIECE_CHARACTERS = 250_000
"""The worst pattern that RE2 takes goes through some 100,000 characters a second: so often nobody is asked."""

_ESCAPES = r"\\Q.*?(?:\\E|\Z)|\\p\{[^}]{0,40}\}|\\.|\[\^?\]?(?:\\.|\[:\w{1,10}:\]|[^\]\\])*+(?:\]|\\?\Z)"
# Each of them ends at the end of the text at the latest, so going through a pattern takes a time linear in it.
_TOKEN = re.compile(_ESCAPES + r"|\{,\d{1,9}\}|[^\\\[{]+|.", re.DOTALL)
_VERBOSE_TOKEN = re.compile(_ESCAPES + r"|\{,\d{1,9}\}|#[^\n]*|\s+|.", re.DOTALL)
_UNKNOWN = "invalid perl operator", "invalid escape sequence", "bad repetition operator"


class Pattern(Struct, frozen=True):
    """A checked pattern as RE2 reads it; `text` is what was asked for."""

    text: str
    expression: str

    def found_in(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """In which of the texts the pattern is found, bool[len(texts)]."""
        import pyarrow.compute as pc

        found = [
            pc.match_substring_regex(_array(texts[piece]), self.expression).to_numpy(zero_copy_only=False)
            for piece in _pieces(texts)
        ]
        return np.concatenate(found) if found else np.zeros(0, np.bool_)

    def is_in(self, text: str) -> bool:
        """Whether the pattern is found in one text."""
        return bool(self.found_in([text])[0])


def parse_pattern(text: str, options: str, place: str) -> Pattern:
    """The pattern of a filter; `FilterError` says what RE2 does not know, or that it would grow too large."""
    if len(text) > MAX_PATTERN_CHARACTERS:
        raise FilterError(
            f"in {place}: the pattern has {len(text):,} characters, and {MAX_PATTERN_CHARACTERS:,} are allowed; "
            'several values are matched by {"$in": [...]}'
        )
    import pyarrow.compute as pc

    expression = _as_re2(text, is_verbose="x" in options)
    flags = "".join(letter for letter in "ims" if letter in options)
    pattern = Pattern(text, f"(?{flags}:{expression})" if flags else expression)
    try:
        # The body by itself: in parentheses `a)(b` would be none the less one expression.
        pc.match_substring_regex(pa.array([""]), expression)
        pattern.found_in([""])
    except UnicodeEncodeError:
        raise FilterError(f"in {place}: {text[:60]!r} has half a character in it, which no text can hold") from None
    except pa.ArrowInvalid as error:
        raise FilterError(f"in {place}: {_show(text)} {_fault(str(error))}") from None
    return pattern


def like_pattern(text: str, place: str) -> Pattern:
    """A pattern of SQL's LIKE: ``%`` is any text, ``_`` any character, a backslash takes the next as it is."""
    parts = (_LIKE[token] if token in _LIKE else re.escape(token[-1]) for token in re.findall(r"\\?.", text, re.DOTALL))
    pattern = parse_pattern("".join(parts), "s", place)
    return Pattern(text, rf"\A{pattern.expression}\z")


_LIKE = {"%": ".*", "_": ".", "\\": ""}


def _fault(said: str) -> str:
    said = said.removeprefix("Invalid regular expression: ")
    if "too large" in said or "invalid repetition size" in said:
        return f"would take too much to match ({said}); write fewer or smaller repetitions"
    if said.startswith(_UNKNOWN):
        return (
            f"is no regular expression that can be used: {said}. Patterns are those of RE2, without lookaround, "
            "backreferences, possessive and inline (?x) forms, so that none takes for ever; "
            "what they cannot say is said by $not, $and and $in, or in Python over the runs that were found"
        )
    return f"is no regular expression: {said}"


def _as_re2(text: str, *, is_verbose: bool) -> str:
    tokens = [found[0] for found in (_VERBOSE_TOKEN if is_verbose else _TOKEN).finditer(text)]
    if is_verbose:
        tokens = [token for token in tokens if not (token.isspace() or token.startswith("#"))]
    return "".join("\\z" if token == "\\Z" else re.sub(r"^\{(?=,\d)", "{0", token) for token in tokens)


def _pieces(texts: Sequence[str]) -> Iterator[slice]:
    """Slices of the texts that are matched at once; in between it is asked whether anybody still wants to know."""
    start = size = 0
    for place, text in enumerate(texts):
        size += len(text)
        if size > _PIECE_CHARACTERS:
            check_wanted()
            yield slice(start, place + 1)
            start, size = place + 1, 0
    if start < len(texts):
        yield slice(start, len(texts))


def _array(texts: Sequence[str]) -> pa.Array:
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:  # half characters, which a text may hold and no pattern can name
        return pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.large_string())


def _show(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:197]}...")
