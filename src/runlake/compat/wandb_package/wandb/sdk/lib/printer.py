"""Printers, by which integrations say something on the terminal in W&B's manner."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from runlake.compat.noop_calls import termerror, termlog, termwarn

__all__ = ["Printer", "get_printer", "new_printer"]

_WARNINGS, _ERRORS = ("30", "WARN", "WARNING"), ("40", "50", "ERROR", "CRITICAL", "FATAL")


def _as_it_is(text: str, *args: object) -> str:
    return text


class Printer:
    """Prints to stderr; what is to be coloured, linked or marked is left as plain text."""

    supports_html = False
    supports_unicode = False
    code = name = files = secondary_text = error = staticmethod(_as_it_is)

    def display(self, text: str | Iterable[str], *, level: str | int | None = None) -> None:
        """Print a line, or several; `level` is that of `logging`, as a number or a name."""
        word = str(level).upper()
        say = termerror if word in _ERRORS else termwarn if word in _WARNINGS else termlog
        for line in [text] if isinstance(text, str) else text:
            say(line)

    @contextmanager
    def dynamic_text(self) -> Iterator[None]:
        """None: there is no text that changes in place."""
        yield None

    def progress_update(self, text: str, percent_done: float | None = None) -> None: ...

    def progress_close(self) -> None: ...

    def sparklines(self, series: list[int | float]) -> str | None:
        return None

    def emoji(self, name: str) -> str:
        return ""

    def loading_symbol(self, tick: int) -> str:
        return ""

    def link(self, link: str, text: str | None = None) -> str:
        return f"{text}: {link}" if text else link

    def grid(self, rows: list[list[str]], title: str | None = None) -> str:
        return "\n".join([*([title] if title else []), *("  ".join(row) for row in rows)])

    def panel(self, columns: list[str]) -> str:
        return "\n".join(columns)


def new_printer(*settings: object) -> Printer:
    """A printer."""
    return Printer()


get_printer = new_printer
