"""Values as Trackio writes them in JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from runlake.importers.foreign_media import LateMedia, MediaFile, file_below, late_files
from runlake.media.histogram import Histogram
from runlake.media.table import Table

_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_OWN = "trackio."


def plain(value: Any) -> Any:
    """The same with the numbers for which JSON has no form, and Trackio a text."""
    if isinstance(value, str):
        return _NUMBERS.get(value, value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def values_of(
    row: Mapping[str, Any], media: Path, lost: Counter[str], problems: list[str]
) -> Iterator[tuple[str, Any]]:
    """The values of a row, data types among them; their files lie in the folder `media`."""
    for key, value in row.items():
        if type(value) is float or type(value) is int:
            yield key, value
        else:
            yield key, _value(value, media, lost, problems)


def _value(value: Any, media: Path, lost: Counter[str], problems: list[str]) -> Any:
    if isinstance(value, list):
        return [_value(item, media, lost, problems) for item in value]
    if not isinstance(value, dict):
        return plain(value)
    kind = str(value.get("_type", ""))
    if not kind.startswith(_OWN):
        return {key: _value(item, media, lost, problems) for key, item in value.items()}
    kind = kind.removeprefix(_OWN)
    if kind == "markdown":
        return str(value.get("_value", ""))
    if kind == "histogram":
        return LateMedia(lambda: Histogram(np_histogram=(value["values"], value["bins"])), value, problems)
    if kind == "table":
        return LateMedia(partial(_table, value, media, lost, problems), value, problems)
    found = file_below(media, str(value.get("file_path", "")))
    file = MediaFile(kind, found, value.get("caption")) if found else None
    if file is None or not file.is_known:
        lost[kind if file else f"{kind} whose file is gone"] += 1
        return value
    return late_files([file], value, problems)


def _table(value: Mapping[str, Any], media: Path, lost: Counter[str], problems: list[str]) -> Table:
    rows = value.get("_value")
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[_cell(row.get(column), media, lost, problems) for column in columns] for row in rows]
    return Table(columns=columns, data=cells, allow_mixed_types=True)


def _cell(value: Any, media: Path, lost: Counter[str], problems: list[str]) -> Any:
    found = _value(value, media, lost, problems)
    return found.made() if isinstance(found, LateMedia) else found
