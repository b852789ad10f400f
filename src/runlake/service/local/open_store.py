"""A store as its verbs know it: of a format that can be read, with projects that are there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.near import near_names
from runlake.store.incarnation import new_writer_id
from runlake.store.layout import check_run_path
from runlake.store.store import Store

if TYPE_CHECKING:
    from runlake.store.changes import Action

S_co = TypeVar("S_co", bound=Store, covariant=True)


class OpenStore(Generic[S_co]):
    """One store, and who works in it: `user` makes runs and sweeps for which nobody else is named."""

    def __init__(self, store: S_co, *, user: str | None = None) -> None:
        self.store = store
        self.user = user
        self.writer_id = new_writer_id(time.time())
        """What stands in records of changes that this process makes."""
        self._is_format_known = False

    @property
    def url(self) -> str:
        """Where it is."""
        return self.store.url

    def check_format(self) -> None:
        """NewerFormatError for a store that a newer runlake wrote; looked at once."""
        if not self._is_format_known:
            self.store.check_format()
            self._is_format_known = True

    def check_project(self, entity: str, project: str) -> None:
        """NotFoundError for a project that is not there, which says what there is."""
        self.check_format()
        check_run_path(RunPath(entity, project, "any"))
        if self.store.has_project(entity, project):
            return
        projects = self.store.projects(entity)
        if projects:
            known, asked, prefix = projects, project, f"{entity}/"
            found = f"{entity} has {len(projects)} project{'s' * (len(projects) != 1)}"
        else:
            known, asked, prefix = self.store.entities(), entity, ""
            found = f"there is nothing of {entity!r} in {self.url}"
        raise NotFoundError(f"no project {entity}/{project}: {found}; {advise(asked, known, prefix, 'runlake ls')}")

    def chosen_projects(self, entity: str | None, project: str | None) -> Iterator[tuple[str, str]]:
        """All projects, those of an entity, or the one that is named. NotFoundError for one that is not there."""
        if entity is not None and project is not None:
            self.check_project(entity, project)
        for owner in self.store.entities() if entity is None else [entity]:
            for name in self.store.projects(owner) if project is None else [project]:
                yield owner, name

    def tell(self, path: RunPath, action: Action, incarnation: str) -> None:
        """Let readers know that a run changed."""
        from runlake.store.noting import append_change

        append_change(self.store, path, self.writer_id, action, incarnation)


def advise(asked: str, known: Sequence[str], prefix: str, command: str) -> str:
    """What to do about a name that is not among those that are known; `prefix` goes before what is near it."""
    near = near_names(asked, known)
    listed = " or ".join(prefix + name for name in near)
    return f"did you mean {listed}? See: {command}" if near else f"see: {command}"
