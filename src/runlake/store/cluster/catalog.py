"""What runs a project has, at the cost of what moved: asked of the database, and read here.

Of the runs that moved (`look`) those that somebody sealed are read from his note (`run_states`), the others from their
segments and journals. Columns are made anew, and what is known is saved for those who begin, beside the answers.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from runlake.errors import NotFoundError, RunlakeError, StoreError
from runlake.model import ENDED_STATES, RunInfo, RunPath
from runlake.store.catalog.catalog_file import StoredRow, unpack_rows
from runlake.store.catalog.project_records import CatalogRow, ProjectRecords, ProjectState
from runlake.store.cluster.database import Database
from runlake.store.cluster.listing_states import ListingLog, ListingStates
from runlake.store.cluster.look import Look, look_at
from runlake.store.cluster.moves import Moment
from runlake.store.cluster.pulse import ClusterPulse
from runlake.store.cluster.run_states import read_notes

logger = logging.getLogger(__name__)

SAVE_EVERY_S = 60.0
_READERS = 8
_AT_ONCE = 1000
_SMALL_SHARE = 100
"""Rows beside the columns are made columns when they are this part of them."""

Fold = Callable[[RunPath], RunInfo]


@dataclass(slots=True)
class _Known:
    """What one process knows of a project. `marks` are those with which its runs were read, `moved` what the last look
    told, some of which comes again. `run_ids` are those of runs that are tried again, by key, and `packed` the rows
    that were read packed since the last state."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    moment: Moment = field(default_factory=Moment)
    looked_at: float = 0.0
    records: ProjectRecords = field(default_factory=ProjectRecords)
    marks: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    run_ids: dict[str, str] = field(default_factory=dict)
    packed: dict[str, StoredRow] = field(default_factory=dict)
    state: ProjectState | None = None
    log: ListingLog | None = None
    is_loaded: bool = False
    saved_at_s: float = -math.inf
    upkeep: Future[None] | None = None

    def path_of(self, project: RunPath, key: str) -> RunPath:
        """The run of a key."""
        run_id = self.run_ids.get(key)
        return project._replace(run_id=self.records.run_id_of(key) if run_id is None else run_id)


class ClusterCatalog:
    """The runs of every project of a store in a database. Threads may share it; `fold` reads one run.

    What it has shown is kept by `states` for other replicas. `close` ends what is done beside the answers.
    """

    def __init__(self, database: Database, states: ListingStates, *, fold: Fold, absorb_at: int = 2000) -> None:
        self._database, self._states, self._fold, self._absorb_at = database, states, fold, absorb_at
        self._projects: dict[tuple[str, str], _Known] = {}
        self._lock = threading.Lock()
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="runlake-columns")
        self._is_closed = False

    def close(self) -> None:
        """Wait for what goes on beside the answers, and begin no more of it; who asks still is answered."""
        with self._lock:
            self._is_closed = True
        self._aside.shutdown(cancel_futures=True)

    def peek(self, entity: str, project: str) -> ProjectState | None:
        return self._known(entity, project).state

    def refresh(self, entity: str, project: str) -> ProjectState:
        known, place = self._known(entity, project), RunPath(entity, project, "")
        with known.lock:
            if not known.is_loaded:
                self._load(known, entity, project)
            look = look_at(self._database, entity, project, known.moment, known.looked_at)
            vanished: set[str] = set()
            if look.moment.history_id != known.moment.history_id:
                # All that there is was told: what was not is of a time that a restored database knows nothing of.
                vanished, known.moved = known.records.folders - look.moved.keys(), {}
                look.gone.update(vanished)
            grown = {key for key, mark in look.marks.items() if known.marks.get(key) != mark}
            moved = {key for key, by in look.moved.items() if known.moved.get(key) != by}
            known.run_ids |= look.run_ids
            known.packed = {}
            is_moved = self._read_all(known, place, look, sorted(moved | grown | vanished | _problems(known.records)))
            # Only now: a look that was interrupted must find the same again.
            known.moment, known.looked_at, known.moved = look.moment, look.at, look.moved
            known.run_ids = {key: known.run_ids[key] for key in known.run_ids.keys() & _problems(known.records)}
            self._keep_up(known, place, is_due=is_moved or known.saved_at_s == -math.inf)
            assert known.state is not None
            return known.state

    def load_version(self, entity: str, project: str, version: str) -> ProjectState | None:
        records = self._states.load(entity, project, version)
        return None if records is None else records.state(0, version)

    def path_of(self, entity: str, project: str, folder: str) -> RunPath:
        try:
            return self._known(entity, project).path_of(RunPath(entity, project, ""), folder)
        except KeyError:
            raise FileNotFoundError(f"no run of {entity}/{project} has the key {folder}") from None

    def pulse(self, entity: str, project: str) -> ClusterPulse:
        return ClusterPulse(self._database, entity, project)

    def _known(self, entity: str, project: str) -> _Known:
        with self._lock:
            return self._projects.setdefault((entity, project), _Known())

    # What moved ---------------------------------------------------------------------------------------------

    def _read_all(self, known: _Known, project: RunPath, look: Look, dirty: list[str]) -> bool:
        """Read runs anew; whether anything is other than it was."""
        records = known.records
        is_old = known.state is None or known.state.columns is not records.columns
        for key, row in self._rows(known, project, look, dirty):
            if mark := look.mark(key, known.marks):
                known.marks[key] = mark
            else:
                known.marks.pop(key, None)
            if row is not None:
                records.overlay[key] = row
                is_old = True
        if len(records.overlay) >= max(self._absorb_at, _size_of(records)):
            records.absorb(project.entity, project.project)  # no more than it was to read them
        if is_old:
            number = known.state.number + 1 if known.state else 1
            known.state = records.state(number, self._version(known, project))
        return is_old

    def _rows(
        self, known: _Known, project: RunPath, look: Look, dirty: list[str]
    ) -> Iterator[tuple[str, CatalogRow | None]]:
        """Each run as it is, None where that is as it was. Many are asked for at once: one costs as much as a
        hundred."""
        with ThreadPoolExecutor(_READERS, thread_name_prefix="runlake-list") as workers:
            for start in range(0, len(dirty), _AT_ONCE):
                keys = dirty[start : start + _AT_ONCE]
                noted = self._noted(known, project, look, keys)
                yield from noted.items()
                rest = [key for key in keys if key not in noted]
                before = known.records.rows_of(rest)

                def read(key: str, before: Mapping[str, CatalogRow] = before) -> CatalogRow:
                    if key in look.gone:
                        return CatalogRow(None, 0, is_open=False)
                    path = known.path_of(project, key)
                    return self._read_one(path, look.mark(key, known.marks), before.get(key))

                work: Callable[..., Iterator[CatalogRow]] = workers.map if len(rest) > 1 else map
                for key, row in zip(rest, work(read, rest), strict=True):
                    was = before.get(key)
                    is_new = row != was and (was is not None or row.info is not None or row.problem is not None)
                    yield key, row if is_new else None

    def _noted(self, known: _Known, project: RunPath, look: Look, keys: list[str]) -> dict[str, CatalogRow | None]:
        """What notes say of these runs, None where that is what is known already."""
        run_nos = {look.run_nos[key]: key for key in keys if key in look.run_nos and not look.marks.get(key)}
        moved = {run_no: look.moved[key] for run_no, key in run_nos.items()}
        read = read_notes(self._database, moved) if moved else {}
        notes = {run_nos[run_no]: note for run_no, note in read.items()}
        before = known.records.fingerprints_of(notes)
        found: dict[str, CatalogRow | None] = {}
        for key, note in notes.items():
            if before.get(key) == note.fingerprint:
                found[key] = None
            else:
                # A note may be of a time when the project had another name.
                read_rows = unpack_rows({key: note}) or {}
                found |= {key: row for key, row in read_rows.items() if row.info and row.info.path[:2] == project[:2]}
        known.packed |= {key: notes[key] for key in found}
        return found

    def _read_one(self, path: RunPath, mark: int, last: CatalogRow | None) -> CatalogRow:
        try:
            info = self._fold(path)
        except (NotFoundError, FileNotFoundError):
            return CatalogRow(None, 0, is_open=False)
        except (StoreError, OSError) as error:
            problem = f"{type(error).__name__}: {error}"
            return CatalogRow(last.info if last else None, mark, is_open=True, problem=problem)
        return CatalogRow(info, mark, is_open=info.state not in ENDED_STATES)

    def _version(self, known: _Known, project: RunPath) -> str:
        if known.log is None:
            known.log = self._states.log(project.entity, project.project)
        return known.log.append(known.records, known.packed)

    # Beside the answers -------------------------------------------------------------------------------------

    def _load(self, known: _Known, entity: str, project: str) -> None:
        """Begin with what some replica knew lately."""
        found = self._states.load_head(entity, project)
        if found is not None:
            head, known.records = found
            known.moment, known.moved, known.marks = Moment(*head.moment), head.moved, head.marks
            known.run_ids, known.looked_at = head.run_ids, head.looked_at
        known.is_loaded = True

    def _keep_up(self, known: _Known, project: RunPath, *, is_due: bool) -> None:
        """Have done beside the answers what is due: whoever begins to list reads what moved since a head."""
        is_due = is_due and time.monotonic() - known.saved_at_s >= SAVE_EVERY_S
        if (is_due or self._is_long(known.records)) and (known.upkeep is None or known.upkeep.done()):
            with self._lock:
                if not self._is_closed:
                    known.upkeep = self._aside.submit(self._work_aside, known, project, is_due=is_due)

    def _is_long(self, records: ProjectRecords) -> bool:
        """Whether so much stands beside the columns that others are worth making."""
        return len(records.overlay) >= max(self._absorb_at, _size_of(records) // _SMALL_SHARE)

    def _work_aside(self, known: _Known, project: RunPath, *, is_due: bool) -> None:
        place = project[:2]
        try:
            with known.lock:
                records = known.records.copy()
                look = {"moment": tuple(known.moment), "looked_at": known.looked_at, "moved": known.moved}
                look |= {"marks": dict(known.marks), "run_ids": dict(known.run_ids)}
            before = records.copy()
            if self._is_long(records):
                records.absorb(*place)
                self._states.keep_columns(*place, records, before.columns_name)
                with known.lock:
                    known.records.replace(before, records)
            if is_due:
                self._states.save_head(*place, records, look)
                known.saved_at_s = time.monotonic()
        except (RunlakeError, OSError) as error:
            logger.warning("what is known of %s/%s cannot be kept for others: %s", *place, error)


def _problems(records: ProjectRecords) -> set[str]:
    """The keys of runs that are read again at each look."""
    return {key for key, row in records.overlay.items() if row.problem is not None}


def _size_of(records: ProjectRecords) -> int:
    return records.columns.size if records.columns else 0
