"""Everything the command prints passes here: tables, JSON, notes, questions, progress.

Most of it quotes what others have written: titles, names, keys, values, names of files. So whatever is printed is made
fit for a terminal (`clean_text`), in JSON too, whoever asks for it; nothing above has to think of it.

Answers go to stdout, everything about the work (notes, questions, progress, errors) to stderr. On a terminal
tables are fitted to its width; elsewhere they are plain text, never cut, without colour.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from runlake.clean_text import coloured_line, json_text, lines, one_line, without_colours
from runlake.cli.format import format_value, shorten
from runlake.values import encode_json, flatten, plain_name

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

VALUE_WIDTH = 100
"""A longer value is cut where many are listed."""

Report = Callable[[int, int | None], None]
"""Called with what is done so far and the whole, both in the bar's unit; None where the whole is not known."""


def print_line(text: str = "") -> None:
    """One line of the answer."""
    _write(sys.stdout, one_line(text) + "\n")


def print_console_line(text: str) -> None:
    """One line that a program of others printed; on a terminal cut to its width, with its colours if any are wanted."""
    if not stdout_is_terminal():
        print_line(without_colours(text))
        return
    width = shutil.get_terminal_size().columns
    line = coloured_line(text, width) if _is_styled() else shorten(one_line(without_colours(text)), width)
    _write(sys.stdout, line + "\n")


def print_json_line(document: Any) -> None:
    """One of many answers as one line of JSON, in the form of `print_json`."""
    text = json_text(encode_json(document))
    _write(sys.stdout, (text if _is_utf8(sys.stdout) else json.dumps(json.loads(text))) + "\n")


def flush() -> None:
    """Let the reader of the answer have what was printed so far."""
    sys.stdout.flush()


def print_json(document: Any) -> None:
    """The answer as one JSON document, indented. NaN and infinities have the form of `values.encode_json`."""
    plain = json.loads(encode_json(document))
    text = json.dumps(plain, indent=2, ensure_ascii=not _is_utf8(sys.stdout))
    _write(sys.stdout, json_text(text) + "\n")


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = (), indent: int = 0
) -> None:
    """Rows under their columns; those in `right` are aligned to the right. Columns without names have no header."""
    if sys.stdout.isatty():
        _print_fitted_table(columns, rows, right, indent)
        return
    printed = [list(columns)] if any(columns) else []
    printed = [[one_line(cell) for cell in row] for row in (*printed, *rows)]
    widths = [max((_cell_count(line[i]) for line in printed), default=0) for i in range(len(columns))]
    for line in printed:
        cells = []
        for name, cell, width in zip(columns, line, widths, strict=True):
            blanks = " " * (width - _cell_count(cell))
            cells.append(blanks + cell if name in right else cell + blanks)
        print_line((" " * indent + "  ".join(cells)).rstrip())


def _cell_count(text: str) -> int:
    """How wide a line is on a terminal."""
    if text.isascii():
        return len(text)  # without rich, which takes longer to import than a table to print
    from rich.cells import cell_len

    return cell_len(text)


def _print_fitted_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str], indent: int
) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=None,
        show_header=any(columns),
        header_style="bold" if _is_styled() else "",
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for name in columns:
        table.add_column(
            Text(one_line(name)), justify="right" if name in right else "left", overflow="ellipsis", no_wrap=True
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    Console(file=sys.stdout).print(Padding(table, (0, 0, 0, indent)))


def print_heading(text: str) -> None:
    """A title above what follows, bold on a terminal."""
    text = one_line(text)
    _write(sys.stdout, (f"\033[1m{text}\033[0m" if _is_styled() else text) + "\n")


def print_values(title: str, values: dict[str, Any]) -> None:
    """What a config or a summary holds, nested or not, as a table under a title; nothing at all for nothing."""
    rows = [
        (plain_name(path), shorten(format_value(value), VALUE_WIDTH))
        for path, value in flatten(values, stringify_keys=True).items()
    ]
    if rows:
        print_line()
        print_heading(title)
        print_table(("KEY", "VALUE"), rows, indent=2)


def binary_stdout() -> BinaryIO:
    """Where bytes of an answer go; on a terminal they are text, and cleaned as such."""
    sys.stdout.flush()
    return _CleanedText() if sys.stdout.isatty() else sys.stdout.buffer  # type: ignore[return-value]


def stdout_is_terminal() -> bool:
    """Whether a person looks at the answer as it comes."""
    return sys.stdout.isatty()


def note(text: str) -> None:
    """One line about the work, on stderr."""
    _write(sys.stderr, one_line(text) + "\n")


def print_error(text: str) -> None:
    """Why the command ends, as one line on stderr."""
    note(f"runlake: {text}")


def print_traceback(error: BaseException) -> None:
    """The whole story of an error, for whoever mends it."""
    import traceback

    _write(sys.stderr, lines("".join(traceback.format_exception(error))))


def can_ask() -> bool:
    """Whether somebody is there who can answer."""
    return sys.stdin.isatty()


def ask(question: str) -> bool:
    """Put a yes-or-no question; no answer is no."""
    _write(sys.stderr, f"{one_line(question)} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def discard_stdout() -> None:
    """Stop writing answers: their reader is gone, and the flush at exit would complain about it."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


@contextmanager
def warnings_as_notes() -> Iterator[list[Warning | str]]:
    """Print each warning of the work inside as one line, once; the list holds what was printed so far."""
    told: list[Warning | str] = []

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        told.append(message)
        note(f"warning: {' '.join(str(message).split())}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show
        yield told


@contextmanager
def progress(
    description: str, *, unit: Literal["count", "bytes"] = "count", has_rate: bool = False
) -> Iterator[Report]:
    """A progress bar on stderr while the block runs; nothing at all when stderr is not a terminal.

    With `has_rate` it says how much is done in a second.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich import progress as bars
    from rich.console import Console

    amount: ProgressColumn = bars.DownloadColumn() if unit == "bytes" else bars.MofNCompleteColumn()
    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        amount,
        *([bars.TextColumn("{task.fields[rate]}")] if has_rate else []),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(file=sys.stderr), transient=True) as shown:
        task = shown.add_task(one_line(description), total=None, rate="")

        def report(done: int, total: int | None) -> None:
            shown.update(task, completed=done, total=total)
            speed = shown.tasks[0].speed
            shown.update(task, rate="" if speed is None else f"{speed:,.0f}/s")

        yield report


class _CleanedText(io.RawIOBase):
    """UTF-8 on its way to a terminal."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        _write(sys.stdout, lines(self._decoder.decode(bytes(data)).replace("\r\n", "\n")))
        return len(data)


def _is_styled() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _is_utf8(stream: Any) -> bool:
    return (stream.encoding or "ascii").lower().replace("-", "") in ("utf8", "utf8sig")


def _write(stream: Any, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        # A terminal or a pipe of an old code page: better a spelt-out character than no answer.
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
