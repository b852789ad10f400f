"""Everything that the page asks to show one view, asked here and kept: the document of `web/src/wire/embedded.ts`."""

from __future__ import annotations

import base64
import gzip
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from runlake.listing_model import RunColumn, RunColumnList, RunColumnsPage, RunColumnsQuery
from runlake.model import ProjectKeys
from runlake.query.tiles.question import TilesQuery
from runlake.query.tiles.tiles import Tiles
from runlake.ready import ready
from runlake.report.page_view import PageView, canonical
from runlake.service.contract import Service
from runlake.service.wire import documents
from runlake.service.wire.tiles import write_tiles
from runlake.version import __version__

MAX_KEYS = 200
"""So many panels the page draws by itself."""
MAX_COLUMNS = 1000
"""Of pixels, in each line."""
FEWEST_COLUMNS = 25
COLUMNS_IN_ALL = 400_000
"""Of all lines in a file: four points of 16 bytes in each are 26 MB before they are packed."""
MAX_CELLS = 2_000_000
MAX_TABLE_COLUMNS = 500

_ALWAYS = ("name", "state", "tags")
_GROUPED: tuple[str, ...] = ("mean", "min", "max", "std", "count")


class Gathered(NamedTuple):
    """A view with its data, as JSON, and what of it was left out or made coarser, as sentences."""

    document: bytes
    run_count: int
    key_count: int
    remarks: list[str]


class Source:
    """A project of a service, or the runs in it that the filter `within` finds: nothing else is there then."""

    def __init__(self, service: Service, entity: str, project: str, within: dict[str, Any] | None = None) -> None:
        self._service = service
        self.project = entity, project
        self.within = within

    def list_columns(self) -> RunColumnList:
        """What its runs may have, and those of the whole project."""
        return self._service.list_run_columns(*self.project)

    def list_keys(self, stream: Literal["history", "events"]) -> ProjectKeys:
        """What its runs may have logged, and those of the whole project."""
        return self._service.list_project_keys(*self.project, stream=stream)

    def read_columns(self, query: RunColumnsQuery) -> RunColumnsPage:
        """Columns of its runs."""
        return self._service.read_run_columns(*self.project, replace(query, filters=self._both(query.filters)))

    def read_tiles(self, query: TilesQuery) -> Tiles:
        """Lines of its runs."""
        return self._service.read_tiles(*self.project, replace(query, filters=self._both(query.filters)))

    def _both(self, filters: dict[str, Any] | None) -> dict[str, Any] | None:
        if filters is None or self.within is None:
            return filters or self.within
        return {"$and": [filters, self.within]}


def gather(source: Source, view: PageView, title: str) -> Gathered:
    """All that the page needs to show a view of a source."""
    remarks: list[str] = []
    project = source.project
    names = _table_columns(source.list_columns(), view)
    runs = _read_runs(source, view, names, remarks)
    groups = _read_groups(source, view, names) if view.group_by else None
    keys = _drawn_keys(source.list_keys(view.stream), view, remarks)
    tiles = _read_lines(source, view, (runs, keys), remarks)
    if source.within is not None:
        drawn = {key for each in tiles for key in each["answers"]}
        kept = tuple(key for key in keys.keys if key.key in drawn)
        keys = ProjectKeys(version=keys.version, total_count=len(kept), keys=kept)
    session = {
        "is_signed_in": True,
        "has_people": False,
        "is_read_only": True,
        "is_admin": False,
        "version": __version__,
        "user": None,
        "default_entity": project[0],
        "store": None,
    }
    listed = RunColumnList(version=runs.version, columns=tuple(names))
    parts = {
        "entity": documents.pack(project[0]),
        "project": documents.pack(project[1]),
        "query": documents.pack(view.query),
        "title": documents.pack(title),
        "made_at": documents.pack(time.time()),
        "session": documents.pack(session),
        "keys": _object({"stream": documents.pack(view.stream), "page": documents.pack(keys)}),
        "columns": documents.pack(listed),
        "runs": _object(
            {
                "filters": documents.pack(view.filters),
                "order": documents.pack(list(view.order)),
                "page": documents.pack_run_columns(runs),
            }
        ),
        "group_by": documents.pack(list(view.group_by)),
        "groups": documents.pack(None if groups is None else list(groups.groups or ())),
        "tiles": documents.pack(tiles),
    }
    return Gathered(_object(parts), len(runs.run_ids), len(keys.keys), remarks)


def _table_columns(listed: RunColumnList, view: PageView) -> list[RunColumn]:
    """The columns that a reader may have in the table: those of the view first."""
    first = {*_ALWAYS, *view.columns, *view.group_by}
    kept = [column for column in listed.columns if column.name in first]
    rest = [column for column in listed.columns if column.name not in first and column.kind != "object"]
    return [*kept, *rest][: max(MAX_TABLE_COLUMNS, len(kept))]


def _read_runs(source: Source, view: PageView, names: list[RunColumn], remarks: list[str]) -> RunColumnsPage:
    """All runs that match, in the order of the view; `names` lose what is too much."""
    count = source.read_columns(RunColumnsQuery(filters=view.filters, limit=0)).total_count
    most = max(len(_ALWAYS) + len(view.columns), MAX_CELLS // max(1, count))
    if most < len(names):
        remarks.append(f"{count:,} runs match, so the table has {most} of {len(names)} columns")
        del names[most:]
    asked = tuple({*(column.name for column in names), *_ALWAYS, *view.columns})
    return source.read_columns(RunColumnsQuery(columns=asked, filters=view.filters, order=view.order, limit=count))


def _read_groups(source: Source, view: PageView, names: list[RunColumn]) -> RunColumnsPage:
    numbers = {column.name: _GROUPED for column in names if column.kind in ("number", "mixed")}
    return source.read_columns(
        RunColumnsQuery(
            filters=view.filters, order=view.order, limit=0, group_by=tuple(view.group_by), aggregates=numbers
        ),
    )


def _drawn_keys(listed: ProjectKeys, view: PageView, remarks: list[str]) -> ProjectKeys:
    """The keys that have a panel: those that are pinned, and those that the search finds, up to `MAX_KEYS`."""
    pinned = set(view.panels.get("pinned", ()))
    numbers = [key for key in listed.keys if key.kind == "number" and (view.finds(key.key) or key.key in pinned)]
    numbers.sort(key=lambda key: key.key not in pinned)
    if len(numbers) > MAX_KEYS:
        remarks.append(f"the file has {MAX_KEYS} of {len(numbers):,} panels; search in the view for others")
    kept = sorted(numbers[:MAX_KEYS], key=lambda key: key.key)
    return ProjectKeys(version=listed.version, total_count=len(kept), keys=tuple(kept))


def _read_lines(
    source: Source, view: PageView, of: tuple[RunColumnsPage, ProjectKeys], remarks: list[str]
) -> list[dict[str, Any]]:
    """The lines of each key, and those of the part that is zoomed into: by the question that the page asks."""
    runs, keys = of
    line_count = sum(min(key.run_count, len(runs.run_ids)) for key in keys.keys)
    columns = min(MAX_COLUMNS, max(FEWEST_COLUMNS, COLUMNS_IN_ALL // max(1, line_count)))
    if columns < MAX_COLUMNS:
        remarks.append(f"each of {line_count:,} lines has {columns} columns; a search in the view leaves fewer lines")
    asked: dict[str, dict[str, Any]] = {}
    for key in keys.keys:
        zoom = view.zoom_of(key.key)
        for window in (None, zoom) if zoom is not None else (None,):
            question = _question(view, runs.run_ids, key.key, window)
            query = msgspec.convert(
                {**question, "keys": [key.key], "columns": columns, "is_exact": True}, ready(TilesQuery)
            )
            tiles = source.read_tiles(query)
            if source.within is not None and not tiles.series:
                continue
            packed = gzip.compress(b"".join(write_tiles(tiles)), 6, mtime=0)
            found = asked.setdefault(canonical(question), {"query": question, "answers": {}})
            found["answers"][key.key] = base64.b64encode(packed).decode()
    return list(asked.values())


def _question(view: PageView, run_ids: Sequence[str], key: str, window: list[float | None] | None) -> dict[str, Any]:
    """What the page asks of the lines of a key, but for the key and the columns."""
    settings = view.settings_of(key)
    runs, filters = _charted(view, run_ids), view.filters
    if view.group_by and view.hidden:
        if runs is not None:
            runs = [run_id for run_id in runs if run_id not in view.hidden]
        else:
            shown = {"run_id": {"$nin": sorted(view.hidden)}}
            filters = shown if filters is None else {"$and": [filters, shown]}
    return {
        "runs": runs,
        "filters": filters,
        "order": ["-created_at"],
        "limit": None,
        "stream": view.stream,
        "x": settings["x"],
        "window": window,
        "x_scale": settings["xScale"],
        "smoothing": settings["smoothing"],
        "group_by": list(view.group_by) or None,
        "aggregate": settings["aggregate"] if view.group_by else None,
    }


def _charted(view: PageView, run_ids: Sequence[str]) -> list[str] | None:
    """The runs that charts show; None for all that match."""
    if view.selected is None:
        return None
    if not view.is_all_but:
        return list(view.selected)
    return [run_id for run_id in run_ids if run_id not in view.selected]


def _object(parts: dict[str, bytes]) -> bytes:
    return b"{" + b",".join(documents.pack(name) + b":" + text for name, text in parts.items()) + b"}"
