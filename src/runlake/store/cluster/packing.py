"""The packed files of a project as objects; `store.compact.pack_place` says what each method does.

A run comes to point to one in one transaction, in which nobody else changes its segments: it looks whether the run is
there and still what went into the file, and whether the file's objects are no garbage; then the meta file takes the
place of the old ones, whose objects are dead. So it does not matter how many pack at once, nor where they are killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from runlake.errors import CorruptError, NewerFormatError, NotFoundError
from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.garbage import bury_unused
from runlake.store.cluster.names import LIVE_RUN, PROJECT, keys_of, project_keys
from runlake.store.cluster.objects import Objects
from runlake.store.cluster.store import ClusterStore
from runlake.store.cluster.text import from_text, to_text
from runlake.store.compact import packed_file
from runlake.store.compact.pack import PackLimits, pointing_to
from runlake.store.compact.pack_plan import Survey, Unit, look_at
from runlake.store.compact.packed_file import PackedRun, PackList
from runlake.store.run.snapshot import take_snapshot
from runlake.store.segment.meta import Meta, encode_meta
from runlake.store.segment.segments import series_name

_AT_ONCE = 8192
"""So many runs are looked at: the next look takes others."""

_MAY_BE_PACKED = """
deleted_at is null and runs.segments_moved_at is distinct from pack_seen_at
and runs.segments_moved_at <= now() - make_interval(secs => %(quiet_s)s)
and not exists (select from parts where parts.run_no = runs.run_no and sealed_in is null and end_offset > 0)
"""
_PROJECTS = f"""
select entity, projects.name from runs join projects using (project_no) where {_MAY_BE_PACKED}
group by project_no, entity, projects.name having count(*) >= %(min_run_count)s order by min(runs.segments_moved_at)
"""
_RUNS = f"""
select run_id, run_no, segments_moved_at from runs where project_no = ({PROJECT}) and {_MAY_BE_PACKED}
order by segments_moved_at limit {_AT_ONCE}
"""
_POINTING = f"""
from segments join runs using (run_no)
where project_no = ({PROJECT}) and deleted_at is null and packed_in {{which}}
"""
_USED = f"select packed_in, array_agg(name) {_POINTING.format(which='is not null')} group by packed_in"
_RUNS_IN = f"select distinct run_id {_POINTING.format(which='= %(packed_in)s')}"
_SEEN = """
update runs set pack_seen_at = seen_at
from unnest(%(run_nos)s::bigint[], %(moved_at)s::timestamptz[]) seen (run_no, seen_at)
where runs.run_no = seen.run_no and segments_moved_at = seen_at
"""

_LOCK = f"select run_no from runs where run_no = ({LIVE_RUN}) and deleted_at is null for no key update"
_KEYS = f"select key from shared_segment_files where project_no = ({PROJECT}) and file = any(%(files)s)"
_POINT = """
insert into segments (run_no, name, meta, packed_in) values (%(run_no)s, %(name)s, %(meta)b, %(packed_in)s)
"""
_DROP = """
with small as (delete from segments where run_no = %(run_no)s and name = any(%(names)s))
delete from segment_files where run_no = %(run_no)s and file = any(%(files)s) returning key
"""
# What readers see is what they saw, so the run has not moved for those who list it.
_MARK = "update runs set segments_moved_at = now(), pack_seen_at = now() where run_no = %(run_no)s"


def find_unpacked(database: Database, limits: PackLimits) -> list[tuple[str, str]]:
    """The projects with enough runs at which a packer has to look, those first where one has waited longest."""
    rows = database.read(_PROJECTS, {"quiet_s": limits.quiet_s, "min_run_count": limits.min_run_count})
    return [(from_text(entity), from_text(project)) for entity, project in rows]


class ClusterPacking:
    """The packed files of one project. Not for several threads at once."""

    def __init__(self, store: ClusterStore, entity: str, project: str) -> None:
        self.store, self.name = store, f"{entity}/{project}"
        self.shared = store.packed(entity, project)
        self._database, self._project = store.database, RunPath(entity, project, "")
        self._keys = project_keys(entity, project)
        self._seen: dict[RunPath, tuple[int, datetime]] = {}

    def has_begun(self) -> bool:
        return bool(packed_file.list_names(self.shared))

    def survey(self, *, quiet_s: float) -> Survey:
        """As promised; of the runs that did not move since they were looked at, only those that are asked for."""
        used = self._database.read(_USED, self._keys)
        found = Survey(used={name: set(segments) for name, segments in used})
        found.pointing = _Pointing(lambda name: self._units_in(name, found))
        for run_id, run_no, moved_at in self._database.read(_RUNS, {**self._keys, "quiet_s": quiet_s}):
            path = self._project._replace(run_id=from_text(run_id))
            found.run_count += 1
            self._seen[path] = (run_no, moved_at)
            self._look_at(path, found)
        return found

    def _units_in(self, packed_name: str, found: Survey) -> list[Unit]:
        """The units that point to a packed file."""
        rows = self._database.read(_RUNS_IN, {**self._keys, "packed_in": packed_name})
        paths = [self._project._replace(run_id=from_text(run_id)) for (run_id,) in rows]
        # What else such a run has that could be packed was looked at when it moved.
        aside = Survey(untidy=found.untidy)
        return [unit for path in paths for unit in self._look_at(path, aside) if packed_name in unit.packed_in]

    def _look_at(self, path: RunPath, found: Survey) -> list[Unit]:
        try:
            return look_at(self.store, path, found, quiet_s=0.0)
        except (NotFoundError, FileNotFoundError):
            found.waiting.append(path)  # just sealed or just deleted
        except (CorruptError, NewerFormatError):
            found.is_partial = True
        return []

    def point(self, packed: PackList, runs: Sequence[tuple[RunPath, PackedRun]]) -> Iterator[RunPath]:
        for path, run in runs:
            try:
                is_pointing = self._database.retried(lambda path=path, run=run: self._point(path, packed, run))  # type: ignore[misc]
            except (NotFoundError, FileNotFoundError, CorruptError, NewerFormatError):
                continue  # deleted, or damaged: that is for its readers to say
            if is_pointing:
                yield path

    def _point(self, path: RunPath, packed: PackList, run: PackedRun) -> bool:
        with self._database.transaction():
            rows = self._database.write(_LOCK, keys_of(path))
            if not rows:
                return False
            ((self._database.notes[path],),) = rows
            found = pointing_to(packed, run, take_snapshot(self.store, path))
            if found is not None:
                self._exchange(rows[0][0], *found)
            return found is not None

    def _exchange(self, run_no: int, pointing: Meta, metas: Sequence[Meta]) -> None:
        """Part of a transaction that has locked the run: one segment in the place of others."""
        objects = Objects(self._database, self.store.bucket)
        shared = _files_of([pointing])
        keys = [key for (key,) in self._database.write(_KEYS, {**self._keys, "files": shared})]
        if len(keys) != len(shared) or not objects.publish(keys):
            raise FileNotFoundError(f"packed files of {self.name} are garbage by now: make them again")
        row = {"run_no": run_no, "name": pointing.name, "packed_in": pointing.packed_in}
        self._database.write(_POINT, {**row, "meta": encode_meta(pointing)})
        own = _files_of([meta for meta in metas if not meta.is_packed])
        gone = {"run_no": run_no, "names": [meta.name for meta in metas], "files": own}
        objects.bury([key for (key,) in self._database.write(_DROP, gone)])
        self._database.write(_MARK, {"run_no": run_no})

    def note(self, found: Survey) -> None:
        """As promised: who packs next looks at those of them only that have moved."""
        left = {*found.waiting, *(unit.path for unit in found.fresh)}
        seen = [self._seen[path] for path in self._seen.keys() - left]
        rows = {"run_nos": [run_no for run_no, _ in seen], "moved_at": [moved_at for _, moved_at in seen]}
        self._database.retried(lambda: self._database.write(_SEEN, rows))
        self._seen = {}

    def remove_unused(self, *, grace_s: float) -> None:
        bury_unused(self._database, self.store.bucket, older_than_s=grace_s)


class _Pointing(dict[str, list[Unit]]):
    """The units that point to each packed file, looked at when they are asked for."""

    def __init__(self, look: Callable[[str], list[Unit]]) -> None:
        super().__init__()
        self._look = look

    def __missing__(self, name: str) -> list[Unit]:
        self[name] = units = self._look(name)
        return units


def _files_of(metas: Sequence[Meta]) -> list[str]:
    """What the files of these segments are called where they lie."""
    values = [file.rpartition("/")[2] for meta in metas for file in meta.files.values()]
    return [to_text(file) for each in values for file in (each, series_name(each))]
