"""Which entities, projects and runs there are, and which life of a run id is the present one."""

from __future__ import annotations

from msgspec import Struct

from runlake.errors import ConflictError, NotFoundError
from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.text import from_text, to_text
from runlake.store.layout import check_run_path, encode_name

_ATTEMPTS = 20

_LIVE = """
runs join projects using (project_no)
where entity_key = %(entity_key)s and project_key = %(project_key)s and run_key = %(run_key)s and deleted_at is null
"""


class DeletedRun(Struct, frozen=True):
    """A run in the trash: `deleted_at` in seconds since 1970; `incarnation` is None where nobody had claimed it."""

    run_no: int
    path: RunPath
    incarnation: str | None
    deleted_at: float


def keys_of(path: RunPath) -> dict[str, str]:
    """What the rows of a run are found by."""
    entity_key, project_key, run_key = map(encode_name, path)
    return {"entity_key": entity_key, "project_key": project_key, "run_key": run_key}


def live_run(database: Database, path: RunPath) -> int | None:
    """The number of the run that has this path at this moment."""
    rows = database.read(f"select run_no from {_LIVE}", keys_of(path))
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
        return self._names(statement, entity_key=encode_name(entity), project_key=encode_name(project))

    def make_project(self, entity: str, project: str) -> int:
        """The project's number; a project that is there is left as it is. PathError for what cannot be a name."""
        check_run_path(RunPath(entity, project, "any"))
        parameters = {
            "entity": to_text(entity),
            "name": to_text(project),
            "entity_key": encode_name(entity),
            "project_key": encode_name(project),
        }
        find = "select project_no from projects where entity_key = %(entity_key)s and project_key = %(project_key)s"
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

        A run that is not there is made.
        """
        parameters = {**keys_of(path), "candidate": to_text(candidate)}
        claim = f"""
            update runs set incarnation = %(candidate)s, moved_xid = pg_current_xact_id()
            where run_no = (select run_no from {_LIVE}) and incarnation is null and deleted_at is null
        """
        for _ in range(_ATTEMPTS):
            claimed = self.read_claim(path)
            if claimed is not None:
                return claimed
            self.make_run(path)
            self._database.retried(lambda: self._database.write(claim, parameters))
        raise ConflictError(f"run {path} is made and deleted by others too fast to be opened: {_ATTEMPTS} attempts")

    def read_claim(self, path: RunPath) -> str | None:
        """What the run's claim says; None when there is none."""
        rows = self._database.read(f"select incarnation from {_LIVE}", keys_of(path))
        return from_text(rows[0][0]) if rows and rows[0][0] is not None else None

    def delete(self, path: RunPath, incarnation: str | None = None) -> DeletedRun:
        """Put a run into the trash: from then on nobody finds or changes it. NotFoundError when it is gone already.

        With `incarnation` only that life of its id.
        """
        statement = f"""
            update runs set deleted_at = now(), moved_xid = pg_current_xact_id()
            where run_no = (select run_no from {_LIVE}) and deleted_at is null
              and (%(incarnation)s::text is null or incarnation = %(incarnation)s)
            returning run_no, incarnation, extract(epoch from deleted_at)::float8
        """
        said = None if incarnation is None else to_text(incarnation)
        rows = self._database.write(statement, {**keys_of(path), "incarnation": said})
        if not rows:
            raise NotFoundError(f"run {path} was deleted by somebody else just now")
        run_no, claimed, deleted_at = rows[0]
        return DeletedRun(run_no, path, None if claimed is None else from_text(claimed), deleted_at)

    def list_deleted(self) -> list[DeletedRun]:
        """The runs in the trash, those first that were deleted first."""
        statement = """
            select run_no, entity, name, run_id, incarnation, extract(epoch from deleted_at)::float8
            from runs join projects using (project_no)
            where deleted_at is not null and purged_at is null order by deleted_at, run_no
        """
        return [
            DeletedRun(run_no, RunPath(*map(from_text, path)), None if life is None else from_text(life), deleted_at)
            for run_no, *path, life, deleted_at in self._database.read(statement)
        ]

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
