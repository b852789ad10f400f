"""What is wrong with a configuration, collected, so that it is all told at once."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from typing import Any

from runlake.errors import SweepConfigError


class Problems:
    """The problems found so far, each with the path of its key."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, path: str, text: str) -> None:
        """What was expected at this path, and what was found."""
        self.found.append(f"{path}: {text}")

    def unknown(self, path: str, key: str, known: Sequence[str]) -> None:
        """A key that means nothing here."""
        self.add(path, f"no such key; {_advice(key, known)}")

    def no_such(self, path: str, what: str, asked: Any, known: Sequence[str]) -> None:
        """A value that is none of those there are."""
        self.add(path, f"there is no {what} {shown(asked)}; {_advice(str(asked), known)}")

    def raise_any(self) -> None:
        """Raise them as one `SweepConfigError`, if there are any."""
        if len(self.found) == 1:
            raise SweepConfigError(f"the sweep configuration has a problem: {self.found[0]}")
        if self.found:
            raise SweepConfigError(
                "\n- ".join([f"the sweep configuration has {len(self.found)} problems:", *self.found])
            )


def _advice(asked: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(asked, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"expected {'one of ' if len(known) > 1 else ''}{', '.join(known)}"


def shown(value: Any) -> str:
    """A value as a message shows it, and no longer than a line; of text that looks like a number, why it is none."""
    if value is None:
        return "nothing"
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # very deep, or a number of very many digits
        text = f"a {type(value).__name__} that is too large to be shown"
    text = text if len(text) <= 60 else f"{text[:57]}..."
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return text
        return f"the text {text} (some YAML readers take 1e-4 for text; 1.0e-4 is a number to all)"
    return text


def is_number(value: Any) -> bool:
    """Whether it is a finite number, and no boolean."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max


def is_integer(value: Any) -> bool:
    """Whether it is an int, and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)
