"""Which entities, projects and runs there are, and which life of a run id is the present one."""

from __future__ import annotations

import errno

from msgspec import Struct

from runlake.errors import ConflictError, NotFoundError
from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.text import from_text, to_text
from runlake.store.layout import check_run_path, encode_name

PROJECT = "select project_no from projects where entity_key = %(entity_key)s and project_key = %(project_key)s"
"""The number of the project that has the names of `project_keys`, as a query."""

_LIVE = """
runs join projects using (project_no)
where entity_key = %(entity_key)s and project_key = %(project_key)s and run_key = %(run_key)s and deleted_at is null
"""
LIVE_RUN = f"select run_no from {_LIVE}"
"""The number of the run that has the path of `keys_of` at this moment, as a query."""


class DeletedRun(Struct, frozen=True):
    """A run in the trash: `deleted_at` in seconds since 1970; `incarnation` is None where nobody had claimed it."""

    run_no: int
    path: RunPath
    incarnation: str | None
    deleted_at: float
    name: str | None = None


def keys_of(path: RunPath) -> dict[str, str]:
    """What the rows of a run are found by."""
    return {**project_keys(path.entity, path.project), "run_key": encode_name(path.run_id)}


def project_keys(entity: str, project: str) -> dict[str, str]:
    """What the row of a project is found by."""
    return {"entity_key": encode_name(entity), "project_key": encode_name(project)}


def live_run(database: Database, path: RunPath) -> int | None:
    """The number of the run that has this path at this moment, or had it when the turn around began."""
    if (run_no := database.notes.get(path)) is not None:
        return int(run_no)
    rows = database.read(LIVE_RUN, keys_of(path))
    return rows[0][0] if rows else None


class Names:
    """The names of one store. Any number of processes ask and change at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entities(self) -> list[str]:
        """Sorted, as everything that is listed here."""
        return self._names("select distinct entity from projects")

    def projects(self, entity: str) -> list[str]:
        return self._names("select name from projects where entity_key = %(key)s", key=encode_name(entity))

    def run_ids(self, entity: str, project: str) -> list[str]:
        """The runs that are not deleted."""
        statement = """
            select run_id from runs join projects using (project_no)
            where entity_key = %(entity_key)s and project_key = %(project_key)s and deleted_at is null
        """
        return self._names(statement, **project_keys(entity, project))

    def has_project(self, entity: str, project: str) -> bool:
        """Whether there is such a project."""
        statement = "select 1 from projects where entity_key = %(entity_key)s and project_key = %(project_key)s"
        return bool(self._database.read(statement, project_keys(entity, project)))

    def project_made_at(self, entity: str, project: str) -> float:
        """When a project was made or last got a run, in seconds since 1970. FileNotFoundError without one."""
        statement = """
            select extract(epoch from greatest(created_at, (
                select max(made_at) from runs where runs.project_no = projects.project_no)))::float8
            from projects where entity_key = %(entity_key)s and project_key = %(project_key)s
        """
        rows = self._database.read(statement, project_keys(entity, project))
        if not rows:
            raise FileNotFoundError(errno.ENOENT, "there is no such project", f"{entity}/{project}")
        return float(rows[0][0])

    def has_run(self, path: RunPath) -> bool:
        """Whether there is a run of that id, be it that nothing was written into it yet."""
        return live_run(self._database, path) is not None

    def has_content(self, path: RunPath) -> bool:
        """Whether anything was written into the run that has this id."""
        statement = f"""
            select exists (select from parts where run_no = ({LIVE_RUN}))
                or exists (select from segments where run_no = ({LIVE_RUN}))
        """
        return bool(self._database.read(statement, keys_of(path))[0][0])

    def make_project(self, entity: str, project: str) -> int:
        """The project's number; a project that is there is left as it is. PathError for what cannot be a name."""
        check_run_path(RunPath(entity, project, "any"))
        parameters = {
            "entity": to_text(entity),
            "name": to_text(project),
            **project_keys(entity, project),
        }
        find = PROJECT
        make = """
            insert into projects (entity, name, entity_key, project_key)
            values (%(entity)s, %(name)s, %(entity_key)s, %(project_key)s)
            on conflict (entity_key, project_key) do nothing
        """
        if not (rows := self._database.read(find, parameters)):
            self._database.retried(lambda: self._database.write(make, parameters))
            rows = self._database.read(find, parameters)
        return int(rows[0][0])

    def make_run(self, path: RunPath) -> None:
        """Make a run that nobody has claimed yet; one that is there is left as it is."""
        check_run_path(path)
        parameters = {
            "project_no": self.make_project(path.entity, path.project),
            "run_id": to_text(path.run_id),
            "run_key": encode_name(path.run_id),
        }
        make = """
            insert into runs (project_no, run_id, run_key) values (%(project_no)s, %(run_id)s, %(run_key)s)
            on conflict (project_no, run_key) where deleted_at is null do nothing
        """
        self._database.retried(lambda: self._database.write(make, parameters))

    def claim_incarnation(self, path: RunPath, candidate: str) -> str:
        """The run's incarnation: `candidate` for the first who asks, and what that one said for everybody else.

        There must be room for the run: FileNotFoundError when it is gone.
        """
        parameters = {**keys_of(path), "candidate": to_text(candidate)}
        claim = f"""
            update runs set incarnation = %(candidate)s, moved_xid = pg_current_xact_id()
            where run_no = ({LIVE_RUN}) and incarnation is null and deleted_at is null
        """
        self._database.retried(lambda: self._database.write(claim, parameters))
        claimed = self.read_claim(path)
        if claimed is None:
            raise FileNotFoundError(errno.ENOENT, "the run was deleted or moved", str(path))
        return claimed

    def read_claim(self, path: RunPath) -> str | None:
        """What the run's claim says; None when there is none."""
        rows = self._database.read(f"select incarnation from {_LIVE}", keys_of(path))
        return from_text(rows[0][0]) if rows and rows[0][0] is not None else None

    def delete(self, path: RunPath, incarnation: str | None = None, name: str | None = None) -> DeletedRun:
        """Put a run into the trash: from then on nobody finds or changes it. NotFoundError when it is gone already.

        With `incarnation` only that life of its id. `name` is what it was called.
        """
        statement = f"""
            update runs set deleted_at = now(), deleted_name = %(name)s, moved_xid = pg_current_xact_id()
            where run_no = ({LIVE_RUN}) and deleted_at is null
              and (%(incarnation)s::text is null or incarnation = %(incarnation)s)
            returning run_no, incarnation, extract(epoch from deleted_at)::float8
        """
        said, called = (None if text is None else to_text(text) for text in (incarnation, name))
        rows = self._database.write(statement, {**keys_of(path), "incarnation": said, "name": called})
        self._database.notes.pop(path, None)
        if not rows:
            raise NotFoundError(f"run {path} was deleted by somebody else just now")
        run_no, claimed, deleted_at = rows[0]
        return DeletedRun(run_no, path, None if claimed is None else from_text(claimed), deleted_at, name)

    def list_deleted(self, *, older_than_s: float = 0.0) -> list[DeletedRun]:
        """The runs in the trash, those first that were deleted first; only those that have been for so long."""
        statement = """
            select run_no, entity, name, run_id, incarnation, extract(epoch from deleted_at)::float8, deleted_name
            from runs join projects using (project_no)
            where deleted_at <= now() - make_interval(secs => %(older_than_s)s) and purged_at is null
            order by deleted_at, run_no
        """
        return [
            DeletedRun(run_no, RunPath(*map(from_text, path)), _said(life), deleted_at, _said(name))
            for run_no, *path, life, deleted_at, name in self._database.read(statement, {"older_than_s": older_than_s})
        ]

    def purge(self, run_no: int) -> list[str]:
        """Remove all rows of a deleted run, but for the one that says that it was; answers the keys of its objects."""
        parameters = {"run_no": run_no}
        with self._database.transaction():
            purged = """
                update runs set purged_at = now(), moved_xid = pg_current_xact_id()
                where run_no = %(run_no)s and deleted_at is not null and purged_at is null returning 1
            """
            if not self._database.write(purged, parameters):
                return []
            of_run = "where run_no = %(run_no)s"
            statement = f"select key from segment_files {of_run} union select key from files {of_run}"
            keys = self._database.write(statement, parameters)
            for table in ("chunks", "parts", "served", "segments", "segment_files", "files", "run_states"):
                self._database.write(f"delete from {table} where run_no = %(run_no)s", parameters)
            return [key for (key,) in keys]

    def size_bytes_of(self, run_no: int) -> int:
        """How many bytes a run has in parts and in the bucket."""
        statement = """
            select coalesce((select sum(end_offset) from parts where run_no = %(run_no)s and sealed_in is null), 0)
                + coalesce((select sum(size_bytes) from segment_files where run_no = %(run_no)s), 0)
                + coalesce((select sum(size_bytes) from files where run_no = %(run_no)s), 0)
        """
        return int(self._database.read(statement, {"run_no": run_no})[0][0])

    def restore(self, run_no: int, path: RunPath | None = None) -> RunPath:
        """Bring a run back from the trash to where it was, or to `path`.

        ConflictError when there is a run of that id again, NotFoundError when it is not in the trash.
        """
        with self._database.transaction():
            found = next((run for run in self.list_deleted() if run.run_no == run_no), None)
            if found is None:
                raise NotFoundError(f"there is no deleted run {run_no}: it was restored or removed by somebody else")
            path = path or found.path
            parameters = {
                "run_no": run_no,
                "project_no": self.make_project(path.entity, path.project),
                "run_id": to_text(check_run_path(path).run_id),
                "run_key": encode_name(path.run_id),
            }
            # Who makes a run of that id waits for this row, and finds it.
            statement = """
                update runs set deleted_at = null, project_no = %(project_no)s, run_id = %(run_id)s,
                    run_key = %(run_key)s, moved_xid = pg_current_xact_id()
                where run_no = %(run_no)s and deleted_at is not null and purged_at is null and not exists (
                    select from runs r where r.project_no = %(project_no)s and r.run_key = %(run_key)s
                    and r.deleted_at is null)
                returning run_no
            """
            if not self._database.write(statement, parameters):
                raise ConflictError(f"run {path} cannot be restored: there is a run of that id again; delete it first")
        return path

    def _names(self, statement: str, **parameters: str) -> list[str]:
        return sorted(from_text(name) for (name,) in self._database.read(statement, parameters))


def _said(text: str | None) -> str | None:
    return None if text is None else from_text(text)
