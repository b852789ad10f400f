"""The curves of runs over each other, a panel for each key that they share, as SVG, HTML or PNG."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from runlake.clean_text import one_line
from runlake.comparison.curves import shared_keys
from runlake.errors import BadValueError, NotFoundError, PathError, StoreError
from runlake.model import RunPath
from runlake.values import encode_json, plain_name, read_value

if TYPE_CHECKING:
    from runlake.comparison.comparison import Comparison
    from runlake.plot.drawing import Trace
    from runlake.plot.multiples import Multiples
    from runlake.service.contract import Service

SUFFIXES = (".png", ".html", ".svg")
MAX_RUNS = 32
"""So many can be told apart by colour and dash."""
MAX_PANELS = 40
"""More are drawn only where they are named."""

_ROWS_SHOWN = 500
_VALUE_CHARACTERS = 200

_POINTS_IN_ALL = 200_000
_FEWEST_COLUMNS, _MOST_COLUMNS = 40, 400
_POINTS_OF_COLUMN = 4
_KEYS_AT_ONCE = 64
_COLOURS = (
    "body{margin:24px;background:#fff;color:#1c2128;font:14px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,"
    "Arial,sans-serif}svg{max-width:100%;height:auto}table{border-collapse:collapse;margin-top:24px}th,td{padding:4px "
    "12px 4px 0;text-align:left;border-bottom:1px solid #e6e9ed;vertical-align:top;overflow-wrap:anywhere}th{color:"
    "#59636e;font-weight:400}tr>:nth-child(-n+2){white-space:nowrap}div{overflow-x:auto}"
    "h2{font-size:15px;margin:32px 0 0}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Picture(Struct, frozen=True):
    """Curves that were read, ready to be drawn; `rows` are the lines of the table below them in the HTML."""

    drawing: Any
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def to_svg(self) -> str:
        """An SVG file, light, without script."""
        from runlake.plot.multiples import draw_multiples

        return draw_multiples(self.drawing)

    def to_png(self, dpi: int = 150) -> bytes:
        """A PNG, through matplotlib: `NotSupportedError` where that is missing."""
        from runlake.plot.multiples_png import draw_multiples_png

        return draw_multiples_png(self.drawing, dpi)

    def to_html(self) -> str:
        """A page that stands alone and asks nobody: the curves, and below them where the runs differ."""
        title = html.escape(self.drawing.title)
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light">'
            f"<title>{title}</title><style>{_COLOURS}</style></head><body>{self.to_svg()}{self._table()}</body></html>\n"
        )

    def save(self, path: str | Path) -> Path:
        """Write it as what the suffix says, .png, .html or .svg, in one step; `BadValueError` for another."""
        path = Path(path)
        content = self.content(path.suffix)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_bytes(content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return path

    def content(self, suffix: str) -> bytes:
        """The bytes of a file of this suffix; `BadValueError` for one that is none of `SUFFIXES`."""
        check_suffix(suffix)
        if suffix.lower() == ".png":
            return self.to_png()
        return (self.to_svg() if suffix.lower() == ".svg" else self.to_html()).encode()

    def _repr_html_(self) -> str:
        return self.to_svg()

    def _table(self) -> str:
        if not self.rows:
            return ""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows
        )  # fmt: skip
        return f"<h2>Where they differ</h2><div><table><tr>{head}</tr>{body}</table></div>"


def check_suffix(suffix: str) -> None:
    """`BadValueError` for what no picture is written as."""
    if suffix.lower() not in SUFFIXES:
        raise BadValueError(f"a picture of curves is a file that ends in {', '.join(SUFFIXES)}, not in {suffix!r}")


def check_place(path: Path) -> None:
    """`check_suffix`, and `PathError` for a folder that is not there: before anything is read."""
    check_suffix(path.suffix)
    if not path.parent.is_dir():
        raise PathError(f"{path} cannot be written: there is no folder {path.parent}")


def read_picture(service: Service, found: Comparison, keys: Sequence[str] | None = None) -> Picture:
    """The curves of the runs of a comparison, of `keys` or of the first `MAX_PANELS` that they share.

    `NotFoundError` where they share no numbers, or a key that is named is not theirs; `BadValueError` for more than
    `MAX_RUNS`.
    """
    paths = found.paths
    if len(paths) > MAX_RUNS:
        raise BadValueError(f"{len(paths)} runs in one picture; {MAX_RUNS} can be told apart")
    shared = shared_keys(service, paths, keys)
    if not shared:
        names = ", ".join(map(str, paths))
        raise NotFoundError(f"{names} have no numbers in common to draw; see: runlake show {paths[0]}")
    drawn = shared if keys is not None else shared[:MAX_PANELS]
    note = f"{len(shared) - len(drawn):,} more keys are shared; name those to draw" if len(drawn) < len(shared) else ""
    columns = ("section", "key", *map(one_line, map(str, paths)))
    return Picture(_multiples(service, paths, drawn, note), columns, tuple(_rows(found)))


def _rows(found: Comparison) -> Iterator[tuple[str, ...]]:
    """The differences as text."""
    for one in found.differences[:_ROWS_SHOWN]:
        texts = [_text(value) for value in one.values]
        if len(set(texts)) < len(set(map(repr, one.values))):  # what differs must look different
            texts = [repr(value) if type(value) is float else _text(value) for value in one.values]
        cells = zip(texts, one.is_missing, strict=True)
        yield one.section, one_line(one.key), *("–" if is_missing else text for text, is_missing in cells)
    if len(found.differences) > _ROWS_SHOWN:
        yield "", f"{len(found.differences) - _ROWS_SHOWN:,} more", *("" for _ in found.paths)


def _text(value: Any) -> str:
    if type(value) is float:
        return f"{value:.6g}"
    text = value if type(value) is str else str(encode_json(read_value(value)))
    return one_line(text if len(text) <= _VALUE_CHARACTERS else text[:_VALUE_CHARACTERS] + "…")


def _multiples(service: Service, paths: Sequence[RunPath], keys: Sequence[str], note: str) -> Multiples:
    from runlake.plot.drawing import Trace
    from runlake.plot.multiples import Multiples, Panel

    lines = [_lines(service, path, keys, _columns_for(len(paths) * len(keys))) for path in paths]
    panels = [Panel(one_line(plain_name(key)), [one.get(key, Trace("", [], [])) for one in lines]) for key in keys]
    places = dict.fromkeys(f"{path.entity}/{path.project}" for path in paths)
    title = f"{len(paths)} runs of {', '.join(places)}" if len(places) <= 3 else f"{len(paths)} runs"
    return Multiples(title=title, x_label="step", names=_names(service, paths), panels=panels, note=note)


def _columns_for(line_count: int) -> int:
    """Into how many columns a line is cut, so that all of them together stay a file that opens at once."""
    fitting = _POINTS_IN_ALL // (_POINTS_OF_COLUMN * line_count)
    return max(_FEWEST_COLUMNS, min(_MOST_COLUMNS, fitting))


def _lines(service: Service, path: RunPath, keys: Sequence[str], columns: int) -> dict[str, Trace]:
    """Key → the line of a run, through the first, lowest, highest and last value of each column."""
    from runlake.plot.drawing import Trace
    from runlake.query.tiles.question import TilesQuery

    found = {}
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        asked = TilesQuery(keys=list(keys[start : start + _KEYS_AT_ONCE]), runs=[path.run_id], columns=columns)
        tiles = service.read_tiles(path.entity, path.project, asked)
        if tiles.left_out:
            raise StoreError(f"the curves of {path} cannot be read: {tiles.left_out[0].error}")
        for series in tiles.series:
            xs, ys = np.asarray(series.line[0]), np.asarray(series.line[1])
            found[series.key] = Trace("", xs.tolist(), ys.tolist())
    return found


def _names(service: Service, paths: Sequence[RunPath]) -> list[str]:
    """What the runs are called, with their ids where that is not enough."""
    names = [service.read_run(path).name for path in paths]
    shown = []
    for path, name in zip(paths, names, strict=True):
        is_clear = names.count(name) == 1 or name == path.run_id
        shown.append(one_line(name if is_clear else f"{name} ({path.run_id})"))
    if len(set(shown)) == len(shown):
        return shown
    return [one_line(str(path)) for path in paths]
