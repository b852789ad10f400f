"""Objects of data types inside artifacts: a file of JSON each, ``<name>.<type>.json``, and the files that it names.

The form is W&B's, so that each client reads what the other has added: a table holds its rows, a joined table names two
others, a partitioned one the folder of its parts, and all else is the dict that stands in a run's row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from runlake.artifacts.contents import Contents
from runlake.artifacts.entry import Entry
from runlake.errors import BadValueError, NotFoundError
from runlake.media.classes import Classes
from runlake.media.image import Image
from runlake.media.read import is_media, read_media
from runlake.media.table import Table, as_media
from runlake.media.tables import JOINED_TYPE, PARTITIONED_TYPE, JoinedTable, PartitionedTable
from runlake.values import decode_json, encode_json

_TABLE = "table"


def add_object(contents: Contents, obj: Any, inner: str, *, overwrite: bool) -> Entry:
    """Add an object under a name; `BadValueError` for what is no object of a data type."""
    media = as_media(obj)
    if media is None:
        raise BadValueError(f"add: {obj!r:.80} is no Table, Image or other object of a data type; use add_file(path)")

    def write(name: str, content: bytes) -> None:
        contents.write(name, content)

    def store(medium: Any) -> dict[str, Any]:
        return medium.stored_in_artifact(write, inner) if isinstance(medium, Image) else medium.stored(write, inner, 0)

    def convert(cell: Any) -> Any:
        found = as_media(cell)
        return cell if found is None else store(found)

    text: str
    if isinstance(media, Table):
        rows = {"ncols": len(media.columns), "nrows": len(media.data), "columns": media.columns, "data": media.data}
        kind, text = _TABLE, encode_json({"_type": _TABLE, **rows}, convert)
    elif isinstance(media, JoinedTable):
        tables = {
            name: contents.path_of(table) or add_object(contents, table, f"{inner}.{name}", overwrite=overwrite).path
            for name, table in (("table1", media.table1), ("table2", media.table2))
        }
        key = media.join_key if isinstance(media.join_key, str | int) else list(media.join_key)
        kind, text = JOINED_TYPE, encode_json({"_type": JOINED_TYPE, **tables, "join_key": key})
    elif isinstance(media, PartitionedTable):
        kind, text = PARTITIONED_TYPE, encode_json({"_type": PARTITIONED_TYPE, "parts_path": media.parts_path})
    elif isinstance(media, Classes):
        kind, text = Classes.TYPE, media.encoded()
    else:
        stored = store(media)
        kind, text = stored["_type"], encode_json(stored)
    entry = contents.write(f"{inner}.{kind}.json", text.encode(), replaces=overwrite)
    contents.remember(media, entry)
    return entry


def read_object(entries: Mapping[str, Entry], inner: str, open_entry: Callable[[Entry], BinaryIO]) -> Any:
    """The object under a name, or under that of its file; None when there is none."""
    return ObjectReader(entries, open_entry).read(inner)


class ObjectReader:
    """Reads the objects of one artifact."""

    def __init__(self, entries: Mapping[str, Entry], open_entry: Callable[[Entry], BinaryIO]) -> None:
        self._entries, self._open_entry = entries, open_entry

    def read(self, inner: str) -> Any:
        """The object under a name; None when there is none."""
        path = next(self._paths_of(inner), None)
        if path is None:
            return None
        with self._open(path) as file:
            stored = decode_json(file.read().decode())
        kind = stored.get("_type")
        if kind == _TABLE:
            return self._table(stored)
        if kind == JOINED_TYPE and isinstance(stored["table1"], str):
            return JoinedTable(self._part(stored["table1"]), self._part(stored["table2"]), stored["join_key"])
        if kind == PARTITIONED_TYPE:
            below = f"{stored['parts_path'].strip('/')}/"
            parts = [name for name in self._entries if name.startswith(below) and name.endswith(f".{_TABLE}.json")]
            return PartitionedTable(stored["parts_path"], [self._part(name) for name in parts])
        if kind == Classes.TYPE and "class_set" in stored:
            return Classes(stored["class_set"])
        return read_media(stored, self._open)

    def _paths_of(self, inner: str) -> Iterator[str]:
        if inner in self._entries and inner.endswith(".json"):
            yield inner
        for path in self._entries:
            kind = path.removeprefix(f"{inner}.").removesuffix(".json")
            if path == f"{inner}.{kind}.json" and "/" not in kind and "." not in kind:
                yield path

    def _part(self, path: str) -> Any:
        found = self.read(path)
        if found is None:
            raise NotFoundError(f"the artifact has no table {path!r}, which another one names")
        return found

    def _table(self, stored: Mapping[str, Any]) -> Table:
        columns, rows = stored["columns"], [list(map(self._cell, row)) for row in stored["data"]]
        types = (stored.get("column_types") or {}).get("params", {}).get("type_map", {})
        for place, column in enumerate(columns):
            apart = _serialized(types.get(str(column)))
            if apart is not None:
                for row, cell in zip(rows, self._arrays(apart["path"], apart["key"]), strict=False):
                    row[place] = cell
        return Table(columns=columns, data=rows)

    def _cell(self, cell: Any) -> Any:
        return read_media(cell, self._open) if is_media(cell) else cell

    def _arrays(self, path: str, key: str) -> list[Any]:
        """A column of arrays, which W&B's client keeps in a file of its own."""
        import numpy as np

        with self._open(path) as file, np.load(file, allow_pickle=False) as arrays:
            return list(arrays[key])

    def _open(self, name: str) -> BinaryIO:
        if name not in self._entries:
            raise NotFoundError(f"the artifact has no file {name!r}, which one of its objects names")
        return self._open_entry(self._entries[name])


def _serialized(kind: Any) -> dict[str, str] | None:
    """Where the cells of a column lie, if that is in a file of their own."""
    if not isinstance(kind, Mapping):
        return None
    params = kind.get("params", {})
    if params.get("serialization_path"):
        return dict(params["serialization_path"])
    return next((found for one in params.get("allowed_types", ()) if (found := _serialized(one)) is not None), None)
