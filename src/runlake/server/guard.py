"""The verbs of the service for one person: every one is checked before it is passed on.

========================  ==================================================================
their own entity          everything
a team                    admins and members read and write, viewers read
a shared project          what it was shared for, for all who are signed in
a server's admin          everything, and the verbs that concern the whole store
nobody                    nothing
========================  ==================================================================

What a person may not read is not there for them: the answer is the one that a project gets which does not exist, and
no answer names what they may not see, nor does a run that was forked from there. What they may read and not write
is a `ForbiddenError`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, cast

from msgspec.structs import replace

from runlake.errors import ForbiddenError, NotFoundError
from runlake.model import ProjectInfo, RunInfo, RunPage, RunPath, WriterGrant
from runlake.server.people import Access, Person, Share
from runlake.service.contract import Service

if TYPE_CHECKING:
    from runlake.sweep_model import SweepPath

P = ParamSpec("P")
R = TypeVar("R")
Need = Literal["read", "write"]


class Sharing(Protocol):
    """Which projects are shared; `people.People` knows."""

    def shared_access(self, entity: str, project: str) -> Access:
        """What all people may do with a project because it was shared."""
        ...

    def list_shares(self) -> Sequence[Share]:
        """The projects that are shared."""
        ...


def access_of(person: Person | None, entity: str, shared: Access) -> Access:
    """What somebody may do with a project of `entity` that is `shared` with all."""
    if person is None:
        return "private"
    role = person.teams.get(entity)
    if person.is_admin or person.username == entity or role in ("admin", "member"):
        return "write"
    return "read" if role == "viewer" and shared == "private" else shared


def _of_run(verb: Callable[Concatenate[Service, P], R], need: Need) -> Callable[Concatenate[GuardedService, P], R]:
    """The verb, for those who may `need` the project of the run or sweep whose path is its first argument."""

    @functools.wraps(verb)
    def checked(self: GuardedService, /, *args: P.args, **kwargs: P.kwargs) -> R:
        path = cast("RunPath | SweepPath", args[0] if args else kwargs["path"])
        return self._pass_on(verb, need, (path.entity, path.project), args, kwargs)

    return checked


def _of_run_and_its_source(
    verb: Callable[Concatenate[Service, P], R],
) -> Callable[Concatenate[GuardedService, P], R]:
    """The verb, for those who may write the project of the run, and read that of the run it is forked from."""

    @functools.wraps(verb)
    def checked(self: GuardedService, /, *args: P.args, **kwargs: P.kwargs) -> R:
        path = cast(RunPath, args[0] if args else kwargs["path"])
        for start in (*args, *kwargs.values()):
            source = cast("tuple[RunPath, int] | None", getattr(start, "fork_from", None))
            if source is not None and not self.may_read(source[0].entity, source[0].project):
                raise _no_project(source[0].entity, source[0].project)
        return self._pass_on(verb, "write", (path.entity, path.project), args, kwargs)

    return checked


def _of_project(verb: Callable[Concatenate[Service, P], R], need: Need) -> Callable[Concatenate[GuardedService, P], R]:
    """The verb, for those who may `need` the project that its first two arguments name."""

    @functools.wraps(verb)
    def checked(self: GuardedService, /, *args: P.args, **kwargs: P.kwargs) -> R:
        named = cast(dict[str, str], dict(zip(("entity", "project"), args, strict=False)) | kwargs)
        return self._pass_on(verb, need, (named["entity"], named["project"]), args, kwargs)

    return checked


def _of_store(verb: Callable[Concatenate[Service, P], R]) -> Callable[Concatenate[GuardedService, P], R]:
    """The verb, for admins of the server."""

    @functools.wraps(verb)
    def checked(self: GuardedService, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.person is None or not self.person.is_admin:
            raise ForbiddenError(f"{verb.__name__} concerns the whole store; only an admin of the server may do it")
        result: R = getattr(self._service, verb.__name__)(*args, **kwargs)
        return result

    return checked


class GuardedService:
    """The verbs of `service` as `person` may use them; made for one request or one reader, and cheap to make.

    `sharing` is asked in every call, so that what is no longer shared is gone at once. `close` leaves `service` open:
    others use it too.
    """

    def __init__(self, service: Service, sharing: Sharing, person: Person | None) -> None:
        self._service = service
        self._sharing = sharing
        self.person = person

    @property
    def url(self) -> str:
        return self._service.url

    @property
    def default_entity(self) -> str:
        """The person's own entity; that of nobody is one that has nothing."""
        return self.person.username if self.person is not None else "nobody"

    def may_read(self, entity: str, project: str) -> bool:
        """Whether the person may see what is in a project."""
        return self._access(entity, project) != "private"

    def may_write(self, entity: str, project: str) -> bool:
        """Whether the person may change what is in a project, or make it."""
        return self._access(entity, project) == "write"

    def list_projects(self, entity: str | None = None) -> list[ProjectInfo]:
        """The projects that the person may read, by entity and name."""
        if self.person is None:
            return []
        if entity is None and not self.person.is_admin:
            # Only where there can be something: counting the runs of all entities would take long.
            shared = {share.entity for share in self._sharing.list_shares()}
            asked: list[str | None] = [*sorted({self.person.username, *self.person.teams, *shared})]
        else:
            asked = [entity]
        found = [project for each in asked for project in self._service.list_projects(each)]
        return [project for project in found if self.may_read(project.entity, project.name)]

    def close(self) -> None:
        """Nothing: the service belongs to the server."""

    # Every further verb of the contract is one line here; tests/server/test_guard.py misses those that are not.

    create_project = _of_project(Service.create_project, "write")
    list_runs = _of_project(Service.list_runs, "read")
    read_run = _of_run(Service.read_run, "read")
    list_generations = _of_run(Service.list_generations, "read")
    read_runs_table = _of_project(Service.read_runs_table, "read")
    create_run = _of_run(Service.create_run, "write")
    edit_run = _of_run(Service.edit_run, "write")
    stop_run = _of_run(Service.stop_run, "write")
    delete_run = _of_run(Service.delete_run, "write")

    read_history = _of_run(Service.read_history, "read")
    read_histories = _of_project(Service.read_histories, "read")
    read_tail = _of_run(Service.read_tail, "read")
    sample_history = _of_run(Service.sample_history, "read")
    list_keys = _of_run(Service.list_keys, "read")
    outline_history = _of_run(Service.outline_history, "read")
    read_console = _of_run(Service.read_console, "read")

    list_files = _of_run(Service.list_files, "read")
    open_file = _of_run(Service.open_file, "read")
    put_file = _of_run(Service.put_file, "write")
    receive_file = _of_run(Service.receive_file, "write")
    delete_file = _of_run(Service.delete_file, "write")

    begin_writer = _of_run_and_its_source(Service.begin_writer)
    find_writer = _of_run(Service.find_writer, "read")
    write_batch = _of_run(Service.write_batch, "write")
    open_writer = _of_run_and_its_source(Service.open_writer)
    append_frames = _of_run(Service.append_frames, "write")

    create_sweep = _of_project(Service.create_sweep, "write")
    list_sweeps = _of_project(Service.list_sweeps, "read")
    read_sweep = _of_run(Service.read_sweep, "read")
    edit_sweep = _of_run(Service.edit_sweep, "write")
    delete_sweep = _of_run(Service.delete_sweep, "write")
    join_sweep = _of_run(Service.join_sweep, "write")
    report_agent = _of_run(Service.report_agent, "write")

    seal = _of_project(Service.seal, "write")
    merge_runs = _of_project(Service.merge_runs, "write")
    check = _of_store(Service.check)
    repair = _of_store(Service.repair)
    list_trash = _of_store(Service.list_trash)
    restore_run = _of_store(Service.restore_run)
    empty_trash = _of_store(Service.empty_trash)
    merge_from = _of_store(Service.merge_from)

    def _access(self, entity: str, project: str) -> Access:
        if self.person is None:
            return "private"
        return access_of(self.person, entity, self._sharing.shared_access(entity, project))

    def _pass_on(
        self, verb: Callable[..., R], need: Need, place: tuple[str, str], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> R:
        access = self._access(*place)
        if access == "private":
            raise _no_project(*place)
        if need == "write" and access != "write":
            raise ForbiddenError(
                f"you may read {'/'.join(place)} and not write to it; an admin of {place[0]} can let you in"
            )
        try:
            result: R = getattr(self._service, verb.__name__)(*args, **kwargs)
        except NotFoundError:
            # Of a run or file that is missing the message names neighbours in the same project. That of a missing
            # project names whatever the store has, which is for admins to read.
            if (self.person is not None and self.person.is_admin) or self._project_exists(*place):
                raise
            raise _no_project(*place) from None
        return cast(R, self._without_hidden_sources(result))

    def _without_hidden_sources(self, answer: object) -> object:
        """The answer without the names of projects that its runs were forked from and the person may not read."""
        if isinstance(answer, RunInfo) and answer.forked_from is not None:
            entity, project, _ = answer.forked_from.split("/", 2)
            return answer if self.may_read(entity, project) else replace(answer, forked_from=None)
        if isinstance(answer, RunPage) and any(run.forked_from is not None for run in answer.runs):
            return replace(answer, runs=tuple(self._without_hidden_sources(run) for run in answer.runs))
        if isinstance(answer, WriterGrant) and answer.before is not None:
            return replace(answer, before=self._without_hidden_sources(answer.before))
        return answer

    def _project_exists(self, entity: str, project: str) -> bool:
        return any(found.name == project for found in self._service.list_projects(entity))


def _no_project(entity: str, project: str) -> NotFoundError:
    return NotFoundError(f"no project {entity}/{project}, or none that you may read; see: runlake ls")


if TYPE_CHECKING:

    def _is_a_service(guarded: GuardedService) -> Service:
        return guarded
