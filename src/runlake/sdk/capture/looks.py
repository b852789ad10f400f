"""Colours and weights of printed text: what SGR sequences choose (ECMA-48, 8.3.117), kept beside the text. Pure."""

from __future__ import annotations

import re
from itertools import islice

PLAIN = "\0"
"""The look of text that no sequence has coloured."""

_MAX_LOOK_COUNT = 4096
"""Text of further looks of one stream is kept without one."""

_BEGINS = {1: "bold", 2: "faint", 3: "italic", 4: "underlined", 5: "blinking", 7: "swapped", 9: "struck"}
_ENDS = {
    22: ("bold", "faint"), 23: ("italic",), 24: ("underlined",), 25: ("blinking",), 27: ("swapped",), 29: ("struck",),
    39: ("ink",), 49: ("ground",),
}  # fmt: skip
_ORDER = (*_BEGINS.values(), "ink", "ground")
_COLOURS = {30: "ink", 90: "ink", 40: "ground", 100: "ground"}
_MIXED = {38: "ink", 48: "ground"}
_NUMBER_COUNTS = {"5": 1, "2": 3}
_RUNS = re.compile(r"(.)\1*", re.DOTALL)


class Looks:
    """The looks of one stream, each named by a character: those of a line are a text as long as its own."""

    def __init__(self) -> None:
        self._sequences = [""]
        self._names = {"": PLAIN}
        self._chosen: dict[str, str] = {}
        self.current = PLAIN

    def choose(self, parameters: str) -> None:
        """Take up what stands between ``ESC [`` and ``m``."""
        groups = iter(parameters.split(";"))
        for group in groups:
            head, *parts = group.split(":")
            code = _number(head)
            if code in _MIXED:
                if not parts:
                    kind = next(groups, "")
                    parts = [kind, *islice(groups, _NUMBER_COUNTS.get(kind, 0))]
                self._mix(code, parts)
            elif code == 0:
                self._chosen.clear()
            elif code == 4 and parts == ["0"]:
                self._chosen.pop("underlined", None)
            elif code in _BEGINS:
                self._chosen[_BEGINS[code]] = str(code)
            elif code in _ENDS:
                for name in _ENDS[code]:
                    self._chosen.pop(name, None)
            elif code - code % 10 in _COLOURS and code % 10 < 8:
                self._chosen[_COLOURS[code - code % 10]] = str(code)
        self.current = self._name(";".join(self._chosen[name] for name in _ORDER if name in self._chosen))

    def coloured(self, text: str, looks: str) -> str:
        """The text with its sequences, each piece with its own: a line can be shown without those before it."""
        pieces = []
        for run in _RUNS.finditer(looks):
            piece = text[run.start() : run.end()]
            sequence = self._sequences[ord(run[1])]
            pieces.append(f"\x1b[{sequence}m{piece}\x1b[0m" if sequence else piece)
        return "".join(pieces) + text[len(looks) :]

    def _mix(self, code: int, parts: list[str]) -> None:
        if len(parts) == 5:
            del parts[1]  # which colour space: there is one
        numbers = [min(255, _number(part)) for part in parts]
        if len(numbers) == 1 + _NUMBER_COUNTS.get(parts[0], -1):
            self._chosen[_MIXED[code]] = ";".join(map(str, (code, *numbers)))

    def _name(self, sequence: str) -> str:
        name = self._names.get(sequence)
        if name is None:
            if len(self._sequences) == _MAX_LOOK_COUNT:
                return PLAIN
            name = self._names[sequence] = chr(len(self._sequences))
            self._sequences.append(sequence)
        return name


def _number(text: str) -> int:
    return int(text[:6]) if text.isdecimal() else 0
