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

Who begins a run or makes a sweep is who is signed in, whatever is said in what they send. Only an admin may send
journals that others began (`runlake sync` of a whole machine): those keep the name that they say.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

from msgspec.structs import replace

from runlake.artifact_model import ArtifactEdit, ArtifactInfo, ArtifactPath, ArtifactStart, CollectionPath, ContentInfo
from runlake.errors import ForbiddenError, NotFoundError
from runlake.incoming import Incoming
from runlake.model import FileInfo, OpenRequest, ProjectInfo, RunInfo, RunPage, RunPath, WriterGrant, WriterStart
from runlake.server.people.directory import Directory, Person
from runlake.server.people.standing import Need, Standing, no_project
from runlake.service.contract import Service
from runlake.sweep_model import SweepStart
from runlake.view_model import ViewPut

if TYPE_CHECKING:
    from runlake.sweep_model import SweepPath

P = ParamSpec("P")
R = TypeVar("R")
Kept = TypeVar("Kept", covariant=True)


class Sharing(Protocol):
    """Who there is, and which projects are shared; `people.People` knows."""

    def directory(self) -> Directory:
        """Everything about people as of now."""
        ...


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
                raise no_project(source[0].entity, source[0].project)
        return self._pass_on(verb, "write", (path.entity, path.project), args, kwargs)

    return checked


def _of_version(verb: Callable[Concatenate[Service, P], R], need: Need) -> Callable[Concatenate[GuardedService, P], R]:
    """The verb, for those who may `need` the project of the version that is its first argument, and where that is only
    a link also the project that the version is at home in."""

    @functools.wraps(verb)
    def checked(self: GuardedService, /, *args: P.args, **kwargs: P.kwargs) -> R:
        path = cast("ArtifactPath", args[0] if args else kwargs["path"])
        self._standing.require(need, path.entity, path.project, self._sharing.directory)
        home = self.read_artifact(path).source
        if home is not None:
            self._standing.require(need, home.entity, home.project, self._sharing.directory)
        return self._pass_on(verb, need, (path.entity, path.project), args, kwargs)

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
        try:
            self._standing.require("admin", "", "", self._sharing.directory)
        except ForbiddenError:
            raise ForbiddenError(
                f"{verb.__name__} concerns the whole store; only an admin of the server may do it"
            ) from None
        result: R = getattr(self._service, verb.__name__)(*args, **kwargs)
        return result

    return checked


class _AskedAgain(Generic[Kept]):
    """A file on its way whose sender is asked for once more before it is kept: minutes may lie between."""

    def __init__(self, incoming: Incoming[Kept], require: Callable[[], None]) -> None:
        self._incoming, self._require = incoming, require
        self.write, self.discard = incoming.write, incoming.discard

    @property
    def md5(self) -> str:
        return self._incoming.md5

    def keep(self) -> Kept:
        self._require()
        return self._incoming.keep()


class GuardedService:
    """The verbs of `service` as who `standing` speaks of may use them; made for one request, and cheap to make.

    `sharing` is asked in every call, so that what somebody may no longer do is over at once. `close` leaves `service`
    open: others use it too.
    """

    def __init__(self, service: Service, sharing: Sharing, standing: Standing) -> None:
        self._service = service
        self._sharing = sharing
        self._standing = standing

    @property
    def person(self) -> Person | None:
        """Who asks, as they are now; `AuthenticationError` when their key is not valid any more."""
        return self._standing.person_in(self._sharing.directory())

    @property
    def key_id(self) -> str | None:
        """The key that was sent."""
        return self._standing.key_id

    @property
    def url(self) -> str:
        return self._service.url

    @property
    def default_entity(self) -> str:
        """The person's own entity; that of nobody is one that has nothing."""
        person = self._standing.signed_in or self.person
        return person.username if person is not None else "nobody"

    def may_read(self, entity: str, project: str) -> bool:
        """Whether the person may see what is in a project."""
        return self._standing.access_in(self._sharing.directory(), entity, project) != "private"

    def may_write(self, entity: str, project: str) -> bool:
        """Whether the person may change what is in a project, or make it."""
        return self._standing.access_in(self._sharing.directory(), entity, project) == "write"

    def require_write(self, path: RunPath | SweepPath | ArtifactPath) -> None:
        """The error for who may not change what is in a project, where no verb of the service would be asked."""
        self._standing.require("write", path.entity, path.project, self._sharing.directory)

    def receive_file(self, path: RunPath, name: str) -> Incoming[FileInfo]:
        """A file on its way; it is kept if the person may still write when all of it is there."""
        incoming = self._pass_on(Service.receive_file, "write", (path.entity, path.project), (path, name), {})
        return _AskedAgain(incoming, functools.partial(self.require_write, path))

    def receive_content(self, draft: ArtifactPath, name: str | None = None) -> Incoming[ContentInfo]:
        """Bytes on their way; they are kept if the person may still write when all of them are there."""
        incoming = self._pass_on(Service.receive_content, "write", draft[:2], (draft, name), {})
        return _AskedAgain(incoming, functools.partial(self.require_write, draft))

    def begin_artifact(self, path: CollectionPath, start: ArtifactStart) -> ArtifactInfo:
        """An artifact, made by a run that the person may write too."""
        if start.run is not None:
            self.require_write(start.run)
        return self._pass_on(Service.begin_artifact, "write", path[:2], (path, start), {})

    def link_artifact(self, path: ArtifactPath, target: CollectionPath, aliases: Sequence[str] = ()) -> ArtifactInfo:
        """A version that the person may read, in a portfolio that they may write."""
        self.read_artifact(path)
        return self._pass_on(Service.link_artifact, "write", target[:2], (path, target, aliases), {})

    def edit_artifact(self, path: ArtifactPath, edit: ArtifactEdit) -> ArtifactInfo:
        """Change a version. Aliases are of the collection that it is in; all else of a link is of its home."""
        if replace(edit, add_aliases=(), remove_aliases=()) != ArtifactEdit():
            return self._edit_at_home(path, edit)
        self.read_artifact(path)
        return self._pass_on(Service.edit_artifact, "write", path[:2], (path, edit), {})

    def use_artifact(self, path: ArtifactPath, run: RunPath, use_as: str | None = None) -> ArtifactInfo:
        """A version that the person may read, used by a run that they may write."""
        self.read_artifact(path)
        return self._pass_on(Service.use_artifact, "write", run[:2], (path, run, use_as), {})

    def list_artifact_links(self, path: ArtifactPath) -> list[ArtifactInfo]:
        """The links of a version that are in projects that the person may read."""
        return [link for link in self._list_artifact_links(path) if self.may_read(link.entity, link.project)]

    def find_artifact(self, artifact_id: str) -> ArtifactInfo:
        """One version by its id, if it is in a project that the person may read."""
        found = self._service.find_artifact(artifact_id)
        if not self.may_read(found.entity, found.project):
            raise NotFoundError(f"no artifact has the id {artifact_id!r}")
        return cast(ArtifactInfo, self._without_hidden_sources(found))

    def list_projects(self, entity: str | None = None) -> list[ProjectInfo]:
        """The projects that the person may read, by entity and name."""
        directory = self._sharing.directory()
        person = self._standing.person_in(directory)
        if person is None:
            return []
        if entity is None and not person.is_admin:
            # Only where there can be something: counting the runs of all entities would take long.
            shared = {owner for owner, _ in directory.shares}
            asked: list[str | None] = [*sorted({person.username, *person.teams, *shared})]
        else:
            asked = [entity]
        found = [project for each in asked for project in self._service.list_projects(each)]
        return [project for project in found if self.may_read(project.entity, project.name)]

    def create_run(self, path: RunPath, *, state: str = "pending", user: str | None = None) -> RunInfo:
        """A run without a writing process, made by who is signed in."""
        person = self.person
        return self._create_run(path, state=state, user=None if person is None else person.username)

    def restore_run(self, run: RunPath | str) -> RunPath:
        """A deleted run by its path, for who may write its project; by its name in the trash of all, for admins."""
        if not isinstance(run, RunPath):
            return self._restore_by_name(run)
        self._standing.require("write", run.entity, run.project, self._sharing.directory)
        try:
            return self._service.restore_run(run)
        except NotFoundError:  # which says where the store is
            raise NotFoundError(f'run "{run}" is not in the trash; see: runlake trash') from None

    def close(self) -> None:
        """Nothing: the service belongs to the server."""

    # Every further verb of the contract is one line here; tests/server/people/test_guard.py misses those that are not.

    create_project = _of_project(Service.create_project, "write")
    list_runs = _of_project(Service.list_runs, "read")
    read_run = _of_run(Service.read_run, "read")
    list_generations = _of_run(Service.list_generations, "read")
    list_edits = _of_run(Service.list_edits, "read")
    read_runs_table = _of_project(Service.read_runs_table, "read")
    list_run_columns = _of_project(Service.list_run_columns, "read")
    read_run_columns = _of_project(Service.read_run_columns, "read")
    read_news = _of_project(Service.read_news, "read")
    _create_run = _of_run(Service.create_run, "write")
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
    read_console_lines = _of_run(Service.read_console_lines, "read")
    read_values = _of_run(Service.read_values, "read")

    list_files = _of_run(Service.list_files, "read")
    count_files = _of_run(Service.count_files, "read")
    open_file = _of_run(Service.open_file, "read")
    file_url = _of_run(Service.file_url, "read")
    put_file = _of_run(Service.put_file, "write")
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

    find_content = _of_run(Service.find_content, "write")
    put_content = _of_run(Service.put_content, "write")
    offer_uploads = _of_run(Service.offer_uploads, "write")
    complete_upload = _of_run(Service.complete_upload, "write")
    commit_artifact = _of_run(Service.commit_artifact, "write")
    read_artifact = _of_run(Service.read_artifact, "read")
    read_manifest = _of_version(Service.read_manifest, "read")
    open_content = _of_version(Service.open_content, "read")
    content_url = _of_version(Service.content_url, "read")
    list_artifacts = _of_run(Service.list_artifacts, "read")
    _edit_at_home = _of_version(Service.edit_artifact, "write")
    delete_artifact = _of_run(Service.delete_artifact, "write")
    restore_artifact = _of_run(Service.restore_artifact, "write")
    list_artifact_users = _of_version(Service.list_artifact_users, "read")
    _list_artifact_links = _of_version(Service.list_artifact_links, "read")
    list_run_artifacts = _of_run(Service.list_run_artifacts, "read")
    list_collections = _of_project(Service.list_collections, "read")
    read_collection = _of_run(Service.read_collection, "read")
    edit_collection = _of_run(Service.edit_collection, "write")
    delete_collection = _of_run(Service.delete_collection, "write")

    list_views = _of_project(Service.list_views, "read")
    read_view = _of_run(Service.read_view, "read")
    put_view = _of_run(Service.put_view, "write")
    delete_view = _of_run(Service.delete_view, "write")

    read_tiles = _of_project(Service.read_tiles, "read")
    list_project_keys = _of_project(Service.list_project_keys, "read")
    list_segments = _of_project(Service.list_segments, "read")

    seal = _of_project(Service.seal, "write")
    pack_runs = _of_project(Service.pack_runs, "write")
    check = _of_store(Service.check)
    repair = _of_store(Service.repair)
    list_trash = _of_store(Service.list_trash)
    _restore_by_name = _of_store(Service.restore_run)
    empty_trash = _of_store(Service.empty_trash)
    merge_from = _of_store(Service.merge_from)

    def _pass_on(
        self, verb: Callable[..., R], need: Need, place: tuple[str, str], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> R:
        self._standing.require(need, *place, self._sharing.directory)
        if need == "write":
            args = tuple(map(self._in_own_name, args))
            kwargs = {name: self._in_own_name(value) for name, value in kwargs.items()}
        try:
            result: R = getattr(self._service, verb.__name__)(*args, **kwargs)
        except NotFoundError:
            # Of a run or file that is missing the message names neighbours in the same project. That of a missing
            # project names whatever the store has, which is for admins to read.
            person = self.person
            if (person is not None and person.is_admin) or self._project_exists(*place):
                raise
            raise no_project(*place) from None
        return cast(R, self._without_hidden_sources(result))

    def _in_own_name(self, said: object) -> object:
        """What begins something, with the name of who is signed in."""
        if not isinstance(said, WriterStart | OpenRequest | SweepStart | ArtifactStart | ViewPut):
            return said
        person = self.person
        if person is None or (isinstance(said, OpenRequest) and said.header is not None and person.is_admin):
            return replace(said, user=None)
        if isinstance(said, ArtifactStart) and said.user is not None and person.is_admin:
            return said  # it was made elsewhere, by somebody else
        return replace(said, user=person.username)

    def _without_hidden_sources(self, answer: object) -> object:
        """The answer without the names of projects that its runs were forked from and the person may not read."""
        if isinstance(answer, RunInfo) and answer.forked_from is not None:
            entity, project, _ = answer.forked_from.split("/", 2)
            return answer if self.may_read(entity, project) else replace(answer, forked_from=None)
        if isinstance(answer, RunPage) and any(run.forked_from is not None for run in answer.runs):
            return replace(answer, runs=tuple(self._without_hidden_sources(run) for run in answer.runs))
        if isinstance(answer, ArtifactInfo):
            return self._without_hidden_maker(answer)
        if isinstance(answer, list) and answer and isinstance(answer[0], ArtifactInfo | RunPath):
            return [self._without_hidden_sources(one) for one in answer if self._is_visible(one)]
        if isinstance(answer, WriterGrant) and answer.before is not None:
            return replace(answer, before=self._without_hidden_sources(answer.before))
        return answer

    def _without_hidden_maker(self, artifact: ArtifactInfo) -> ArtifactInfo:
        if not self._is_visible(artifact):
            raise NotFoundError(f"no artifact {artifact.path}")
        maker = artifact.created_by
        if maker is None or self.may_read(maker.entity, maker.project):
            return artifact
        return replace(artifact, created_by=None)

    def _is_visible(self, found: ArtifactInfo | RunPath) -> bool:
        """Whether a version, or what it is a link to, or a run is in a project that the person may read."""
        place = found.source or found if isinstance(found, ArtifactInfo) else found
        return self.may_read(place.entity, place.project)

    def _project_exists(self, entity: str, project: str) -> bool:
        return any(found.name == project for found in self._service.list_projects(entity))


if TYPE_CHECKING:

    def _is_a_service(guarded: GuardedService) -> Service:
        return guarded
