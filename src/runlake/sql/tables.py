"""The tables of a query as Arrow, read through the verbs: of each only what the query can need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from msgspec import structs

from runlake.errors import NotFoundError
from runlake.listing_model import RunColumnsQuery
from runlake.model import RUNTIME, TIMESTAMP, Lane, RunPath, Stream
from runlake.query.rows.select import slice_rows
from runlake.sql.schema import KEYS_AT_ONCE, NAMES_AT_ONCE, RUN_CODES, SCHEMAS, ReadTable, schema_of
from runlake.sql.scope import Scope, Wanted
from runlake.sql.values import columns_of_lane, columns_of_objects, repeated
from runlake.stopping import check_wanted
from runlake.values import encode_json, plain_name

if TYPE_CHECKING:
    from runlake.query.many.blocks import HistoryBlock
    from runlake.query.rows.history import History, Series
    from runlake.service.contract import Service

Place = tuple[str, str]
"""Entity and project."""

Columns = Mapping[str, Any]
"""A column each: of a table's columns, those that are missing are null."""

_PLAIN_TYPES = (pa.int64(), pa.float64(), pa.bool_())
_TIMES = {"timestamp": TIMESTAMP, "runtime": RUNTIME}
_CELLS_AT_ONCE = 1_000_000
_COLUMNS_AT_ONCE = 200
_LONG_SERIES = 4096
"""A piece costs about as much as the decoding of so many values."""


class TableReader:
    """Reads the tables that one query names."""

    def __init__(self, service: Service, scope: Scope, *, within: Place | None = None) -> None:
        self._service, self._scope, self._within = service, scope, within
        self._runs: dict[tuple[str, str, frozenset[str] | None], pa.Table] = {}
        self._readers = {
            "runs": self._read_runs,
            "config": lambda wanted, place: self._read_values("config", wanted, place),
            "summary": lambda wanted, place: self._read_values("summary", wanted, place),
            "history": lambda wanted, place: self._read_rows("history", wanted, place),
            "events": lambda wanted, place: self._read_rows("events", wanted, place),
            "console": self._read_console,
            "files": self._read_files,
            "sweeps": self._read_sweeps,
            "artifacts": self._read_artifacts,
        }

    def tables(self) -> Iterator[ReadTable]:
        """Each table that the query names; the pieces of one are read before the next is asked for."""
        for name in self._scope.wanted:
            schema = schema_of(name, self._scope.columns)
            yield name, schema, self._pieces(name, schema)

    def _pieces(self, table: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """The rows of one table that can matter."""
        wanted = self._scope.wanted[table]
        if not all(wanted.values()):
            return  # conditions that exclude each other
        for place in self._projects(wanted):
            for columns in self._readers[table](wanted, place):
                check_wanted()
                yield _piece(schema, place, columns)

    def _projects(self, wanted: Wanted) -> list[Place]:
        entities, projects = wanted.get("entity"), wanted.get("project")
        places = [(info.entity, info.name) for info in self._service.list_projects()]
        if self._within is not None:
            if self._within not in places:
                raise NotFoundError(f'project "{"/".join(self._within)}" not in {self._service.url}; see: runlake ls')
            places = [self._within]
        return [
            (entity, project)
            for entity, project in places
            if (entities is None or entity in entities) and (projects is None or project in projects)
        ]

    # What runs are

    def _runs_table(self, place: Place, run_ids: frozenset[str] | None) -> pa.Table:
        asked = (*place, run_ids)
        if asked not in self._runs:
            self._runs[asked] = self._service.read_runs_table(*place, filters=_of_runs(run_ids))
        return self._runs[asked]

    def _read_runs(self, wanted: Wanted, place: Place) -> Iterator[Columns]:
        table = self._runs_table(place, wanted.get("run_id"))
        yield {name: table[name] for name in SCHEMAS["runs"].names[2:]}

    def _read_values(self, root: str, wanted: Wanted, place: Place) -> Iterator[Columns]:
        """The values of config or summary, a row each; a column of texts may be one of mixed types: read as logged."""
        table = self._runs_table(place, wanted.get("run_id"))
        keys, mixed = wanted.get("key"), []
        for name in table.column_names:
            path = name.removeprefix(f"{root}.")
            if path == name or (keys is not None and plain_name(path) not in keys):
                continue
            column = table[name]
            if column.type in _PLAIN_TYPES:
                yield _melted(plain_name(path), table["run_id"], column)
            else:
                mixed.append(name)
        for start in range(0, len(mixed), _COLUMNS_AT_ONCE):
            yield from self._read_mixed(root, mixed[start : start + _COLUMNS_AT_ONCE], wanted, place)

    def _read_mixed(self, root: str, names: list[str], wanted: Wanted, place: Place) -> Iterator[Columns]:
        asked = RunColumnsQuery(
            columns=tuple(names),
            filters=_of_runs(wanted.get("run_id")),
            limit=max(1, _CELLS_AT_ONCE // len(names)),
        )
        while True:
            page = self._service.read_run_columns(*place, asked)
            for name in names:
                logged = [(run, value) for run, value in zip(page.run_ids, page.columns[name], strict=True)]
                there = [(run, value) for run, value in logged if value is not None]
                value, text = columns_of_objects([value for _, value in there])
                key = repeated([plain_name(name.removeprefix(f"{root}."))], [len(there)])
                yield {"run_id": pa.array([run for run, _ in there]), "key": key, "value": value, "text": text}
            asked = structs.replace(asked, offset=asked.offset + len(page.run_ids), version=page.version)
            if not page.run_ids or asked.offset >= page.total_count:
                return

    # What runs logged

    def _read_rows(self, stream: Stream, wanted: Wanted, place: Place) -> Iterator[Columns]:
        times = [path for name, path in _TIMES.items() if self._scope.needs(name)]
        keys, run_ids = wanted.get("key"), wanted.get("run_id")
        if keys is None:
            for run_id in self._run_ids(place, run_ids):
                try:
                    history = self._service.read_history(RunPath(*place, run_id), stream=stream)
                except NotFoundError:
                    continue  # deleted since the runs were listed
                yield from _rows([run_id], [history.row_count], history, None)
            return
        blocks = self._service.read_histories(
            *place, keys=[*sorted(keys), *times], stream=stream, filters=_of_runs(run_ids)
        )
        for block in blocks:
            yield from block_rows(block, keys)

    def _read_console(self, wanted: Wanted, place: Place) -> Iterator[Columns]:
        for run_id in self._run_ids(place, wanted.get("run_id")):
            try:
                lines = self._service.read_console(RunPath(*place, run_id))
            except NotFoundError:
                continue
            yield _of_objects("console", lines, run_id)

    def _read_files(self, wanted: Wanted, place: Place) -> Iterator[Columns]:
        for run_id in self._run_ids(place, wanted.get("run_id")):
            try:
                files = self._service.list_files(RunPath(*place, run_id))
            except NotFoundError:
                continue
            yield _of_objects("files", files, run_id)

    def _run_ids(self, place: Place, run_ids: frozenset[str] | None) -> list[str]:
        # The table of the runs has a column for each key, and there may be very many.
        asked = RunColumnsQuery(columns=(), filters=_of_runs(run_ids), limit=_CELLS_AT_ONCE)
        found: list[str] = []
        while True:
            page = self._service.read_run_columns(*place, asked)
            found += page.run_ids
            asked = structs.replace(asked, offset=len(found), version=page.version)
            if not page.run_ids or len(found) >= page.total_count:
                return found

    # What else there is

    def _read_sweeps(self, wanted: Wanted, place: Place) -> Iterator[Columns]:
        yield _of_objects("sweeps", self._service.list_sweeps(*place))

    def _read_artifacts(self, wanted: Wanted, place: Place) -> Iterator[Columns]:
        for collection in self._service.list_collections(*place):
            yield _of_objects("artifacts", self._service.list_artifacts(collection.path))


def _of_runs(run_ids: frozenset[str] | None) -> dict[str, Any] | None:
    return None if run_ids is None else {"run_id": {"$in": sorted(run_ids)}}


def _piece(schema: pa.Schema, place: Place, columns: Columns) -> pa.Table:
    """Columns as a piece of a table; entity and project are the same in all of it."""
    row_count = next(len(column) for column in columns.values() if column is not None)
    arrays = []
    for field in schema:
        if field.name in ("entity", "project"):
            array: Any = repeated([place[field.name == "project"]], [row_count])
        else:
            array = columns.get(field.name)
        array = pa.nulls(row_count, field.type) if array is None else array
        arrays.append(array if array.type == field.type else array.cast(field.type))
    return pa.table(arrays, schema=schema)


def _melted(key: str, run_ids: pa.ChunkedArray, column: pa.ChunkedArray) -> Columns:
    """The values of one column of the runs, without those that are missing."""
    import pyarrow.compute as pc

    if column.null_count:
        is_there = pc.is_valid(column)
        run_ids, column = run_ids.filter(is_there), column.filter(is_there)
    kind = column.type
    lane: Any = "bool" if pa.types.is_boolean(kind) else "i64" if pa.types.is_integer(kind) else "f64"
    value, text = columns_of_lane(column, lane)
    return {"run_id": run_ids, "key": repeated([key], [len(column)]), "value": value, "text": text}


def block_rows(block: HistoryBlock, keys: frozenset[str]) -> Iterator[Columns]:
    """As `_rows`, of some runs after the other."""
    ends = np.append(0, np.cumsum(block.row_counts))
    for first in range(0, len(block.run_ids), NAMES_AT_ONCE):
        some = slice(first, first + NAMES_AT_ONCE)
        run_ids, row_counts = block.run_ids[some], block.row_counts[some]
        history = slice_rows(block.history, int(ends[first]), int(ends[first + len(run_ids)]))
        yield from _rows(run_ids, row_counts, history, keys)


def _rows(run_ids: list[str], row_counts: Any, history: History, keys: frozenset[str] | None) -> Iterator[Columns]:
    """The values of each series, a row each, the runs one behind the other; short series are a piece together."""
    runs = repeated(run_ids, row_counts, RUN_CODES.to_pandas_dtype())
    short: dict[Lane, list[Series]] = {}
    for series in history.series:
        if (keys is not None and plain_name(series.key) not in keys) or not len(series.values):
            continue
        if len(series.values) >= _LONG_SERIES:
            yield _rows_of([series], history, runs)
            continue
        group = short.setdefault(series.lane, [])
        group.append(series)
        if len(group) == KEYS_AT_ONCE:
            yield _rows_of(short.pop(series.lane), history, runs)
    for group in short.values():
        yield _rows_of(group, history, runs)


def _rows_of(group: list[Series], history: History, runs: pa.DictionaryArray) -> Columns:
    """The values of some series of one lane."""
    counts = [len(series.values) for series in group]
    values = (
        group[0].values if len(group) == 1 else pa.chunked_array(c for series in group for c in series.values.chunks)
    )
    value, text = columns_of_lane(values, group[0].lane)
    is_dense = len(group) == 1 and group[0].rows is None
    chosen: Any = slice(None)
    if not is_dense:
        chosen = np.concatenate([series.positions(history.row_count) for series in group])
    found = {
        "run_id": runs if is_dense else runs.take(pa.array(chosen)),
        "key": repeated([plain_name(series.key) for series in group], counts),
        "step": pa.array(history.step[chosen]),
        "value": value,
        "text": text,
    }
    for name in ("timestamp", "runtime"):
        times = getattr(history, name)
        if times is not None:
            found[name] = pa.array(np.asarray(times)[chosen], from_pandas=True)
    return found


def _of_objects(table: str, objects: Any, run_id: str | None = None) -> Columns:
    """Frozen values as columns, by the names of their fields; what is nested as JSON, paths as text."""
    columns: dict[str, Any] = {}
    for field in SCHEMAS[table]:
        if field.name == "run_id":
            columns["run_id"] = repeated([run_id or ""], [len(objects)])
        elif field.name not in ("entity", "project"):
            found = [_plain(getattr(each, field.name)) for each in objects]
            columns[field.name] = pa.array(found, field.type)
    return columns


def _plain(value: Any) -> Any:
    if isinstance(value, RunPath):
        return str(value)
    if isinstance(value, dict):
        return str(encode_json(value))
    return list(value) if isinstance(value, tuple) else value
