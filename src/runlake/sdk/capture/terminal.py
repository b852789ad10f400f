"""What a stream of printed text looks like on a terminal, as numbered lines. Pure: no streams, no clock.

Just enough of a terminal for what training scripts print: newline, carriage return, backspace, tab, cursor moves
up, down, left, right and to a column, erasing of a line or of all below, colours and weights. Titles, links and
everything else are dropped. A line's place is counted in characters; wide ones count as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from runlake.sdk.capture.looks import PLAIN, Looks

KEPT_LINE_COUNT = 200
"""How far up a cursor can go and still rewrite a line; progress displays are smaller than a window."""

MAX_LINE_LENGTH = 100_000
"""Characters of one line that are kept."""

_MAX_SHOWN_LENGTH = 2 * MAX_LINE_LENGTH
"""A line that is longer with its colours is kept without."""

_CONTROL = re.compile(
    r"""
      \x1b\[([0-9;:<=>?]*)[\ -/]*([@-~])                  # CSI: parameters, final letter
    | \x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)             # OSC and other strings, to BEL or ST
    | \x1b[\ -/]*[0-Z\\^-~]                               # other escapes
    | [\x00-\x1f\x7f]
    """,
    re.VERBOSE,
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;:<=>?]*[\ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[\ -/]*)?\Z")
_MAX_UNFINISHED_LENGTH = 4096
"""An escape sequence that is longer is none."""


class Line:
    """One line of the display; `number` is None until something is printed on it or below it."""

    __slots__ = ("_looks", "changed_at", "given_at", "given_text", "look_names", "number", "text")

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self.number: int | None = None
        self.text = ""
        self.look_names = ""  # of each character; behind its end they are plain
        self.given_text: str | None = None
        self.changed_at = 0.0
        self.given_at = 0.0

    @property
    def shown(self) -> str:
        """The text with its colours, and without the blanks at its end that nobody sees."""
        names = self.look_names.rstrip(PLAIN)
        text = self.text[: max(len(self.text.rstrip(" ")), len(names))]
        coloured = self._looks.coloured(text, names) if names else text
        return coloured if len(coloured) <= _MAX_SHOWN_LENGTH else text

    def put(self, column: int, text: str, look: str) -> None:
        """Have this text from a column on."""
        end = column + len(text)
        if look != PLAIN or self.look_names:
            before = self.look_names.ljust(column, PLAIN)
            self.look_names = before[:column] + look * len(text) + before[end:]
        old = self.text
        self.text = old + text if column == len(old) else old[:column].ljust(column) + text + old[end:]

    def cut(self, end: int) -> None:
        """Have nothing behind a column."""
        self.text, self.look_names = self.text[:end], self.look_names[:end]


class Terminal:
    """The last lines of one stream, and a cursor.

    `next_number` gives a line its number when it is first printed on; streams that share it share one numbering.
    `changed` collects the lines that a text has touched, in order, until its owner takes them out.
    """

    def __init__(self, next_number: Callable[[], int]) -> None:
        self._next_number = next_number
        self._looks = Looks()
        self._lines = [Line(self._looks)]
        self._row = 0
        self._column = 0
        self._unfinished = ""
        self._now = 0.0
        self.changed: dict[Line, None] = {}

    @property
    def current(self) -> Line:
        """The line that the cursor is on."""
        return self._lines[self._row]

    def feed(self, text: str, now: float) -> None:
        """Print `text` at the time `now`; an escape sequence may begin in one text and end in the next."""
        self._now = now
        text = self._unfinished + text
        self._unfinished = ""
        if "\x1b" in text:
            match = _UNFINISHED.search(text, max(0, len(text) - _MAX_UNFINISHED_LENGTH))
            if match:
                text, self._unfinished = text[: match.start()], match[0]
        place = 0
        for match in _CONTROL.finditer(text):
            if match.start() > place:
                self._put(text[place : match.start()])
            place = match.end()
            if match[2] is not None:
                self._command(match[1], match[2])
            elif len(match[0]) == 1:
                self._control(match[0])
        if place < len(text):
            self._put(text[place:])

    def _put(self, text: str) -> None:
        self._number_down_to(self._row)
        line, column = self.current, self._column
        if column < MAX_LINE_LENGTH:
            text = text[: MAX_LINE_LENGTH - column]
            line.put(column, text, self._looks.current)
        self._column = column + len(text)
        self._touch(line)

    def _control(self, character: str) -> None:
        if character == "\n":
            self._number_down_to(self._row)
            self._down(1)
            self._column = 0
        elif character == "\r":
            self._column = 0
        elif character == "\b":
            self._column = max(0, self._column - 1)
        elif character == "\t":
            if self._column < len(self.current.text):
                self._column += 8 - self._column % 8
            else:
                self._put("\t")

    def _command(self, parameters: str, letter: str) -> None:
        first = parameters.partition(";")[0]
        count = int(first[:6]) if first.isdecimal() else 0
        if letter in "AF":
            self._row = max(0, self._row - max(1, count))
        elif letter in "BE":
            self._down(max(1, count))
        elif letter == "C":
            self._column = min(self._column + max(1, count), MAX_LINE_LENGTH)
        elif letter == "D":
            self._column = max(0, self._column - max(1, count))
        elif letter == "G":
            self._column = min(max(0, count - 1), MAX_LINE_LENGTH)
        elif letter == "m" and not parameters.startswith(("<", "=", ">", "?")):
            self._looks.choose(parameters)
        elif letter == "K":
            self._erase_line(count)
        elif letter == "J" and count == 0:
            self._erase_below()
        if letter in "EF":
            self._column = 0

    def _erase_line(self, which: int) -> None:
        line, before = self.current, self.current.shown
        if which == 1:
            line.put(0, " " * min(self._column + 1, len(line.text)), PLAIN)
        else:
            line.cut(self._column if which == 0 else 0)
        if line.shown != before:
            self._touch(line)

    def _erase_below(self) -> None:
        self._erase_line(0)
        for line in self._lines[self._row + 1 :]:
            if line.text:
                line.cut(0)
                self._touch(line)

    def _down(self, count: int) -> None:
        target = self._row + min(count, KEPT_LINE_COUNT)
        while len(self._lines) <= target:
            self._lines.append(Line(self._looks))
        self._row = target
        surplus = len(self._lines) - KEPT_LINE_COUNT
        if surplus > 0:
            del self._lines[:surplus]
            self._row -= surplus

    def _number_down_to(self, row: int) -> None:
        """A line gets its number with everything above it, so that numbers go down the display."""
        first = row + 1
        while first > 0 and self._lines[first - 1].number is None:
            first -= 1
        for line in self._lines[first : row + 1]:
            line.number = self._next_number()
            self._touch(line)

    def _touch(self, line: Line) -> None:
        line.changed_at = self._now
        self.changed[line] = None
