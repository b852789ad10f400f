"""What runs a project has, at the cost of what moved: asked of the database, folded here.

One look (`_LOOK`) answers which runs were made, opened, sealed, edited or deleted since the last one, and how the
journals stand that may stand otherwise than at the last one: a part moved, or a writer was heard, or fell silent. A run
whose journal is as it was when it was folded, and that has not moved, is as it was.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from runlake.errors import NotFoundError, StoreError
from runlake.listing_model import ProjectNews
from runlake.model import ENDED_STATES, RunInfo, RunPath
from runlake.store.catalog.project_records import CatalogRow, ProjectRecords, ProjectState
from runlake.store.cluster.database import Database
from runlake.store.cluster.listing_states import ListingLog, ListingStates
from runlake.store.cluster.moves import NOW, SINCE, Moment
from runlake.store.cluster.names import PROJECT, project_keys
from runlake.store.cluster.text import from_text
from runlake.store.journal.liveness import STALE_S

_LATE_S = 10.0
"""What a writer's transaction says is seen within this time after it began."""

_LOOK = f"""
with now as materialized (
    -- Another project may have this name by now, and all of it is new.
    select history_id || '/' || coalesce(({PROJECT})::text, '') as history_id, xmin, clock_timestamp() as at,
        to_timestamp(%(looked_at)s) as looked_at from ({NOW}) now),
moved as materialized (
    select run_no, run_key, run_id, deleted_at is null as is_here, moved_xid
    from now join runs on project_no = ({PROJECT}) and moved_xid >= {SINCE}),
stirred as materialized (
    select distinct run_no from now, parts left join served using (run_no, writer)
    where sealed_in is null and (moved_xid >= {SINCE} or served.heard_at > looked_at - interval '{_LATE_S} s'
        or greatest(parts.heard_at, served.heard_at) between looked_at - interval '{STALE_S + _LATE_S} s'
            and at - interval '{STALE_S} s'
        or run_no in (select run_no from moved))),
marks as (
    select run_key, run_id, mark from now, stirred,
    -- One by one: the planner takes the whole project for the few that moved.
    lateral (select run_key, run_id from runs
        where run_no = stirred.run_no and project_no = ({PROJECT}) and deleted_at is null limit 1) run,
    lateral (select
        (hashtextextended(string_agg(writer || number || ':' || end_offset, ';' order by writer, number), 0)
            & 4294967295) << 16
        | least(65535, count(distinct writer) filter (
            where greatest(parts.heard_at, served.heard_at) > at - interval '{STALE_S} s')) as mark
        from parts left join served using (run_no, writer) where run_no = stirred.run_no and sealed_in is null) journal)
select history_id, xmin, extract(epoch from at)::float8, null as run_key, null as run_id, null::boolean, null,
    null::bigint from now
union all select null, null, null, run_key, run_id, is_here, moved_xid::text, null::bigint from moved
union all select null, null, null, run_key, run_id, true, null, mark from marks
"""
_READERS = 8
_AT_ONCE = 1000
SAVE_EVERY_S = 60.0
_MAX_CHANGED = 1000

Fold = Callable[[RunPath], RunInfo]


class _Look(NamedTuple):
    """What one look found, by the key of a run: which moved and by which transaction, and how their journals and those
    that may have changed stand. `at` is when it was, in seconds since 1970 by the database's clock."""

    moment: Moment
    at: float
    moved: dict[str, str]
    gone: set[str]
    marks: dict[str, int]
    run_ids: dict[str, str]

    def mark(self, key: str, before: Mapping[str, int]) -> int:
        """How the journal of a run stands, 0 without one; `before` is how journals stood at the look before."""
        return self.marks.get(key, 0 if key in self.moved else before.get(key, 0))


@dataclass(slots=True)
class _Known:
    """What one process knows of a project. `marks` are those with which its runs were folded, `moved` what the
    last look told, some of which comes again."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    moment: Moment = field(default_factory=Moment)
    looked_at: float = 0.0
    records: ProjectRecords = field(default_factory=ProjectRecords)
    marks: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    run_ids: dict[str, str] = field(default_factory=dict)
    state: ProjectState | None = None
    log: ListingLog | None = None
    is_loaded: bool = False
    saved_at_s: float = -math.inf


class ClusterCatalog:
    """The runs of every project of a store in a database. Threads may share it; `fold` reads one run.

    What it has shown is kept by `states` for other replicas.
    """

    def __init__(self, database: Database, states: ListingStates, *, fold: Fold, absorb_at: int = 2000) -> None:
        self._database, self._states, self._fold, self._absorb_at = database, states, fold, absorb_at
        self._projects: dict[tuple[str, str], _Known] = {}
        self._lock = threading.Lock()

    def peek(self, entity: str, project: str) -> ProjectState | None:
        return self._known(entity, project).state

    def refresh(self, entity: str, project: str) -> ProjectState:
        known = self._known(entity, project)
        with known.lock:
            if not known.is_loaded:
                self._load(known, entity, project)
            look = look_at(self._database, entity, project, known.moment, known.looked_at)
            known.run_ids |= look.run_ids
            vanished: set[str] = set()
            if look.moment.history_id != known.moment.history_id:
                # All that there is was told: what was not is of a time that a restored database knows nothing of.
                vanished, known.moved = known.run_ids.keys() - look.moved.keys(), {}
                look.gone.update(vanished)
            problems = {key for key, row in known.records.overlay.items() if row.problem is not None}
            grown = {key for key, mark in look.marks.items() if known.marks.get(key) != mark}
            moved = {key for key, by in look.moved.items() if known.moved.get(key) != by}
            dirty = sorted(moved | grown | problems | vanished)
            is_moved = self._read_all(known, RunPath(entity, project, ""), look, dirty)
            # Only now: a look that was interrupted must find the same again.
            known.moment, known.looked_at, known.moved = look.moment, look.at, look.moved
            if is_moved or known.saved_at_s == -math.inf:
                self._save(known, entity, project)
            assert known.state is not None
            return known.state

    def load_version(self, entity: str, project: str, version: str) -> ProjectState | None:
        records = self._states.load(entity, project, version)
        return None if records is None else records.state(0, version)

    def path_of(self, entity: str, project: str, folder: str) -> RunPath:
        try:
            return RunPath(entity, project, self._known(entity, project).run_ids[folder])
        except KeyError:
            raise FileNotFoundError(f"no run of {entity}/{project} has the key {folder}") from None

    def pulse(self, entity: str, project: str) -> ClusterPulse:
        return ClusterPulse(self._database, entity, project)

    def _known(self, entity: str, project: str) -> _Known:
        with self._lock:
            return self._projects.setdefault((entity, project), _Known())

    def _read_all(self, known: _Known, project: RunPath, look: _Look, dirty: list[str]) -> bool:
        """Fold runs anew; whether anything is other than it was."""
        records, is_old = known.records, known.state is None
        for key, row, before in self._rows(known, project, look, dirty):
            if mark := look.mark(key, known.marks):
                known.marks[key] = mark
            else:
                known.marks.pop(key, None)
            if row != before and (before is not None or row.info is not None or row.problem is not None):
                records.overlay[key] = row
                is_old = True
        if len(records.overlay) >= self._absorb_at:
            records.absorb(project.entity, project.project)
        if is_old:
            number = known.state.number + 1 if known.state else 1
            known.state = records.state(number, self._version(known, project))
        return is_old

    def _version(self, known: _Known, project: RunPath) -> str:
        if known.log is None:
            known.log = self._states.log(project.entity, project.project)
        return known.log.append(known.records)

    def _load(self, known: _Known, entity: str, project: str) -> None:
        """Begin with what some replica knew lately."""
        found = self._states.load_head(entity, project)
        if found is not None:
            head, known.records = found
            known.moment, known.moved, known.marks = Moment(*head.moment), head.moved, head.marks
            known.run_ids, known.looked_at = head.run_ids, head.looked_at
        known.is_loaded = True

    def _save(self, known: _Known, entity: str, project: str) -> None:
        """Now and then: whoever begins folds what moved since."""
        if time.monotonic() - known.saved_at_s < SAVE_EVERY_S:
            return
        look = {name: getattr(known, name) for name in ("moved", "marks", "run_ids", "looked_at")}
        look["moment"] = tuple(known.moment)
        self._states.save_head(entity, project, known.records, look)
        known.saved_at_s = time.monotonic()

    def _rows(
        self, known: _Known, project: RunPath, look: _Look, dirty: list[str]
    ) -> Iterator[tuple[str, CatalogRow, CatalogRow | None]]:
        """Each run as it is and as it was, many of the latter at once: one costs as much as a hundred."""

        def read(key: str) -> CatalogRow:
            if key in look.gone:
                return CatalogRow(None, 0, is_open=False)
            return self._read_one(known, project._replace(run_id=known.run_ids[key]), key, look.mark(key, known.marks))

        with contextlib.ExitStack() as running:
            work: Callable[..., Iterator[CatalogRow]] = map
            if len(dirty) > 1:
                workers = ThreadPoolExecutor(min(_READERS, len(dirty)), thread_name_prefix="runlake-list")
                work = running.enter_context(workers).map
            for start in range(0, len(dirty), _AT_ONCE):
                keys = dirty[start : start + _AT_ONCE]
                before = known.records.rows_of(keys)
                for key, row in zip(keys, work(read, keys), strict=True):
                    yield key, row, before.get(key)

    def _read_one(self, known: _Known, path: RunPath, key: str, mark: int) -> CatalogRow:
        try:
            info = self._fold(path)
        except (NotFoundError, FileNotFoundError):
            return CatalogRow(None, 0, is_open=False)
        except (StoreError, OSError) as error:
            last = known.records.rows_of([key]).get(key)
            return CatalogRow(
                last.info if last else None, mark, is_open=True, problem=f"{type(error).__name__}: {error}"
            )
        return CatalogRow(info, mark, is_open=info.state not in ENDED_STATES)


class ClusterPulse:
    """Which runs of a project move, without folding any of them."""

    def __init__(self, database: Database, entity: str, project: str) -> None:
        self._database, self._place = database, (entity, project)
        self._lock = threading.Lock()
        self._token: str | None = None
        self._number = 0
        self._moment, self._looked_at = Moment(), 0.0
        self._marks: dict[str, int] = {}
        self._told: dict[str, str] = {}
        self._moved: dict[str, int] = {}

    def news(self, since: str | None) -> ProjectNews:
        with self._lock:
            look = look_at(self._database, *self._place, self._moment, self._looked_at)
            if self._token is None or look.moment.history_id != self._moment.history_id:
                self._token, self._moved = secrets.token_hex(8), {}
            else:
                grown = {key for key, mark in look.marks.items() if self._marks.get(key) != mark}
                told = {key for key, by in look.moved.items() if self._told.get(key) != by}
                moved = {look.run_ids[key] for key in told | grown}
                self._number += bool(moved)
                self._moved |= dict.fromkeys(moved, self._number)
            for key in look.moved:
                self._marks.pop(key, None)
            self._marks |= look.marks
            self._moment, self._looked_at, self._told = look.moment, look.at, look.moved
            return ProjectNews(version=f"{self._token}-{self._number}", changed=self._changed_since(since))

    def _changed_since(self, since: str | None) -> tuple[str, ...] | None:
        token, _, number = (since or "").rpartition("-")
        if token != self._token or not number.isdecimal() or int(number) > self._number:
            return None
        changed = [run_id for run_id, at in self._moved.items() if at > int(number)]
        return None if len(changed) > _MAX_CHANGED else tuple(sorted(changed))


def look_at(database: Database, entity: str, project: str, before: Moment, looked_at: float) -> _Look:
    """Which runs of a project moved since a moment, and how those stand whose journals may have changed since then."""
    keys = project_keys(entity, project)
    rows = database.read(_LOOK, {**keys, **before._asdict(), "looked_at": looked_at})
    moment, looked_at = Moment(), 0.0
    moved: dict[str, str] = {}
    here: set[str] = set()
    marks: dict[str, int] = {}
    run_ids: dict[str, str] = {}
    for history_id, xmin, at, key, run_id, is_here, by, mark in rows:
        if history_id is not None:
            moment, looked_at = Moment(history_id, xmin), at
            continue
        run_ids[key] = from_text(run_id)
        if mark is not None:
            marks[key] = mark
        else:
            moved[key] = max(by, moved.get(key, ""), key=lambda xid: (len(xid), xid))  # of several lives of one id
            if is_here:
                here.add(key)
    return _Look(moment, looked_at, moved, moved.keys() - here, marks, run_ids)
