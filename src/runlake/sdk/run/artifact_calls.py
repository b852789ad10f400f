"""What a run does with artifacts: it keeps versions of them in its store, uses those of others, and links them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlake.artifact_model import LATEST, ArtifactInfo, ArtifactPath, CollectionPath
from runlake.artifacts.artifact import Artifact
from runlake.artifacts.distributed import Distributed
from runlake.artifacts.earlier import EarlierFiles
from runlake.artifacts.entry import Entry
from runlake.artifacts.kept import PRETENDED_ID, Forgotten, KeptVersion, Sender, pretended
from runlake.artifacts.make import make_version
from runlake.artifacts.names import check_name, parse_artifact, parse_collection, safe_name
from runlake.artifacts.opening import kept_version, shows_progress
from runlake.errors import BadValueError, CommError, NotFoundError, PathError, RunlakeError, UnreachableError
from runlake.model import RunPath
from runlake.sdk.run.backlog import FAULTS
from runlake.sdk.run.inert import Inert
from runlake.sdk.run.old_models import find_old_model
from runlake.sdk.run.reading import find_run
from runlake.service.local.service import LocalService
from runlake.settings import Settings, current_folder
from runlake.store.artifacts.lineage import RunLink, note_link
from runlake.store.layout import Layout

if TYPE_CHECKING:
    from runlake.service.contract import Service


_MODEL = "model"


def open_artifact_calls(
    layout: Layout,
    path: RunPath,
    settings: Settings,
    *,
    group: str | None,
    sender: Sender | None,
    tell_not_kept: Callable[[str, Exception], None],
) -> ArtifactCalls:
    """The calls of a run whose store is in this folder, and whose server, if it has one, is that of its settings."""
    store = LocalService(layout.root, default_entity=path.entity, user=settings.username)
    base_url = settings.base_url if settings.mode in ("online", "shared") else None

    def open_server() -> Service:
        from runlake.service.open import open_service

        return open_service(base_url)

    return ArtifactCalls(
        store,
        layout,
        path,
        settings,
        group=group,
        sender=sender,
        open_server=None if base_url is None else open_server,
        tell_not_kept=tell_not_kept,
    )


class ArtifactCalls:
    """The calls of one run about artifacts.

    `sender` is who brings them to the server of an online run, `open_server` how that is asked. `tell_not_kept` is told
    of which artifact the disk refused, and why.
    """

    def __init__(
        self,
        store: Service,
        layout: Layout,
        path: RunPath,
        settings: Settings,
        *,
        group: str | None,
        sender: Sender | None,
        open_server: Callable[[], Service] | None,
        tell_not_kept: Callable[[str, Exception], None],
    ) -> None:
        self.pid = os.getpid()
        self._store, self._layout, self._path, self._settings = store, layout, path, settings
        self._group = group
        self._sender, self._open_server = sender, open_server
        self._tell_not_kept = tell_not_kept
        self._server: Service | None = None

    def log(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        *,
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        history_step: int | None = None,
    ) -> Artifact:
        """See `Run.log_artifact`."""
        artifact = self._as_artifact(artifact_or_path, name, type)
        return self._log(artifact, aliases, tags, history_step=history_step, made_by=self._path)

    def _log(
        self,
        artifact: Artifact,
        aliases: Sequence[str] | None,
        tags: Sequence[str] | None = None,
        *,
        history_step: int | None = None,
        made_by: RunPath | None,
    ) -> Artifact:
        """Keep it, as made by the run, or by none."""
        artifact.aliases = _each_once("latest", *artifact.aliases, *_listed(aliases))
        artifact.tags = _each_once(*artifact.tags, *_listed(tags))
        if self._is_disabled:
            return self._pretend(artifact)
        try:
            if artifact.is_draft():
                return self._keep(artifact, history_step, made_by)
            artifact.aliases = [alias for alias in artifact.aliases if alias != "latest" or alias in _known(artifact)]
            artifact.save()
        except FAULTS as error:
            self._tell_not_kept(f"the artifact {artifact.name!r}", error)
            if artifact.is_draft():
                self._pretend(artifact)
        return artifact

    def _keep(self, artifact: Artifact, history_step: int | None, made_by: RunPath | None) -> Artifact:
        collection = CollectionPath(self._path.entity, self._path.project, artifact.base_name)
        contents = artifact.contents
        if artifact.incremental:
            contents.inherit(self._latest_entries(collection))
        start = artifact.begun(made_by, self._settings.username, history_step)
        info = make_version(
            self._store,
            collection,
            start,
            list(contents.entries.values()),
            shows_progress=self._shows_progress,
            staging=contents.staging,
        )
        artifact.settle(self._kept(self._store, info, sender=self._sender))
        return artifact

    def _latest_entries(self, collection: CollectionPath) -> list[Entry]:
        """Those of the newest version, of the server where the run has one; none where there is no version."""
        for service in self._services():
            try:
                latest = self._kept(service, service.read_artifact(collection.at(LATEST)))
                return list(latest.entries().values())
            except (NotFoundError, UnreachableError):
                continue
        return []

    def earlier_files(self, name: str) -> EarlierFiles | None:
        """The files of the newest version in the folder; None where there is none, or it cannot be read."""
        collection = CollectionPath(self._path.entity, self._path.project, name)
        try:
            return EarlierFiles(self._kept(self._store, self._store.read_artifact(collection.at(LATEST))))
        except (RunlakeError, OSError):
            return None

    def _services(self) -> Iterator[Service]:
        """Where artifacts are looked for: the server, if the run has one, then the folder."""
        if self._open_server is not None:
            self._server = self._server or self._open_server()
            yield self._server
        yield self._store

    def add_part(
        self, given: Any, name: str | None, type: str | None, *, aliases: Any, distributed_id: str | None
    ) -> Artifact:
        """See `Run.upsert_artifact`."""
        artifact = self._as_artifact(given, name, type)
        return self._together(artifact, aliases, distributed_id, is_last=False)

    def finish(
        self, given: Any, name: str | None, type: str | None, *, aliases: Any, distributed_id: str | None
    ) -> Artifact:
        """See `Run.finish_artifact`."""
        artifact = self._as_artifact(given, name, type)
        return self._together(artifact, aliases, distributed_id, is_last=True)

    def _together(
        self, artifact: Artifact, aliases: Sequence[str] | None, distributed_id: str | None, *, is_last: bool
    ) -> Artifact:
        shared = distributed_id or self._group
        if not shared and not self._is_disabled:
            raise BadValueError(
                "upsert_artifact and finish_artifact need a name for what the processes make together: pass "
                "distributed_id=, or begin the runs with init(group=…)"
            )
        artifact.aliases = _each_once("latest", *artifact.aliases, *_listed(aliases))
        artifact.distributed_id = shared
        if self._is_disabled:
            return self._pretend(artifact)
        collection = CollectionPath(self._path.entity, self._path.project, artifact.base_name)
        made = Distributed(self._store, collection, shared or "")
        start = artifact.begun(self._path, self._settings.username, None)
        do = made.finish if is_last else made.add
        try:
            info = do(start, list(artifact.contents.entries.values()), shows_progress=self._shows_progress)
        except FAULTS as error:
            self._tell_not_kept(f"the artifact {artifact.name!r}", error)
            return self._pretend(artifact)
        if is_last:
            artifact.settle(self._kept(self._store, info, sender=self._sender))
        return artifact

    def use(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        *,
        aliases: Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """See `Run.use_artifact`."""
        if self._is_disabled:
            return self._use_nothing(artifact_or_name, type)
        if isinstance(artifact_or_name, Artifact):
            artifact = artifact_or_name
            if artifact.is_draft():
                artifact = self._log(artifact, aliases, made_by=None)
            if artifact.info is None or artifact.info.artifact_id == PRETENDED_ID:
                return artifact
            path = artifact.info.collection.at(artifact.info.artifact_id)
        else:
            path = parse_artifact(artifact_or_name, self._path.entity, self._path.project)
        used = self._used(path, use_as)
        if type is not None and used.type != type:
            raise BadValueError(f"use_artifact: {used.qualified_name} is of the type {used.type!r}, and not {type!r}")
        used.use_as = use_as
        return used

    def _used(self, path: ArtifactPath, use_as: str | None) -> Artifact:
        """A version that is used: of the server where the run has one and it is there, else of the folder."""
        refused: CommError | None = None
        for service in self._services():
            try:
                if service is self._store:
                    info = service.use_artifact(path, self._path, use_as)
                    return Artifact.of(self._kept(service, info, sender=self._sender))
                info = service.read_artifact(path)
                self._note_use(service, info, use_as)
                return Artifact.of(self._kept(service, info))
            except CommError as error:
                refused = refused or error
        assert refused is not None, "the folder answers or refuses"
        raise refused

    def _note_use(self, server: Service, info: ArtifactInfo, use_as: str | None) -> None:
        home = info.collection if info.source is None else info.source.collection
        try:
            server.use_artifact(home.at(info.artifact_id), self._path, use_as)
        except NotFoundError:  # the run is on its way there, and takes this with it
            link = RunLink(at=time.time(), artifact=home.at(info.artifact_id), use_as=use_as)
            try:
                note_link(self._layout, self._path, "used", link)
            except FAULTS as error:
                self._tell_not_kept(f"that the run uses the artifact {info.path}", error)

    def link(self, artifact: Artifact, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """See `Run.link_artifact`."""
        if artifact.is_draft():
            artifact = self.log(artifact)
        if not self._is_kept(artifact):
            return artifact
        target = parse_collection(target_path, self._path.entity, self._path.project)
        return artifact.link(str(target), aliases)

    # Models and source

    def log_model(self, path: str | os.PathLike[str], name: str | None, aliases: Sequence[str] | None) -> str | None:
        """See `Run.log_model`."""
        model = self._log_model(path, name, aliases)
        return None if model is None else model.base_name

    def link_model(
        self, path: str | os.PathLike[str], target: str, name: str | None, aliases: Sequence[str] | None
    ) -> Artifact | None:
        """See `Run.link_model`."""
        model = self._log_model(path, name, None)
        return None if model is None else self.link(model, target, aliases)

    def _log_model(
        self, path: str | os.PathLike[str], name: str | None, aliases: Sequence[str] | None
    ) -> Artifact | None:
        source = Path(path)
        if not source.exists() and not self._is_disabled:
            raise PathError(
                f"log_model: {os.fsdecode(path)!r} is not there, seen from {current_folder()}; save the model first"
            )
        made = self.log(path, name, _MODEL, aliases=aliases)
        return made if self._is_disabled or self._is_kept(made) else None

    def use_model(self, name: str) -> str:
        """See `Run.use_model`."""
        if not isinstance(name, str):
            raise PathError(f"use_model: the name must be a string, not {type(name).__name__}")
        try:
            model = self.use(name)
        except (NotFoundError, PathError):
            old = find_old_model(self._layout, self._path, name)
            if old is None:
                raise
            return old
        if _MODEL not in model.type:
            raise BadValueError(
                f"use_model: {model.qualified_name} is of the type {model.type!r}, and no model; see use_artifact"
            )
        folder = model.download()
        files = list(model.manifest.entries)
        return os.path.join(folder, files[0]) if len(files) == 1 else folder  # noqa: PTH118 (W&B answers text)

    def log_code(
        self,
        root: str | os.PathLike[str] | None,
        name: str | None,
        include_fn: Callable[..., bool] | None,
        exclude_fn: Callable[..., bool] | None,
    ) -> Artifact | None:
        """See `Run.log_code`."""
        from runlake.sdk.capture.code import copy_code, is_source

        program = self._settings.program or _program(Path(root or "."))
        artifact = Artifact(safe_name(name or f"source-{self._path.project}-{program}"), "code")
        try:
            found = copy_code(artifact.contents.write, root, include_fn or is_source, exclude_fn)
        except FAULTS as error:
            self._tell_not_kept("the source files", error)
            return None
        return self.log(artifact) if found else None

    def _is_kept(self, artifact: Artifact) -> bool:
        return artifact.info is not None and artifact.info.artifact_id != PRETENDED_ID

    def _as_artifact(self, given: Any, name: str | None, type: str | None) -> Artifact:
        if isinstance(given, Artifact):
            return given
        text = os.fsdecode(given)
        own_name = f"run-{self._path.run_id}-{os.path.basename(text.rstrip('/'))}"  # noqa: PTH119
        artifact = Artifact(check_name(name) if name else safe_name(own_name), type or "unspecified")
        try:
            if "://" in text:
                artifact.add_reference(text)
            elif os.path.isdir(text):  # noqa: PTH112
                artifact.add_dir(text, policy="immutable")
            else:
                artifact.add_file(text, policy="immutable")
        except (RunlakeError, OSError):
            if not self._is_disabled:
                raise
        return artifact

    @property
    def _is_disabled(self) -> bool:
        return self._settings.mode == "disabled"

    @property
    def _shows_progress(self) -> bool:
        return shows_progress(self._settings)

    def _kept(self, service: Service, info: ArtifactInfo, *, sender: Sender | None = None) -> KeptVersion:
        return kept_version(service, info, self._settings, find_run=partial(find_run, service), sender=sender)

    def _use_nothing(self, given: Artifact | str, type: str | None) -> Artifact:
        if isinstance(given, Artifact):
            return self.log(given) if given.is_draft() else given
        base = str(given).rstrip("/").rpartition("/")[2].partition(":")[0]
        return self.log(Artifact(safe_name(base), type or "unspecified"))

    def _pretend(self, artifact: Artifact) -> Artifact:
        """The artifact as if it had been kept: its files stay where they were added."""
        if artifact.is_draft():
            collection = CollectionPath(self._path.entity, self._path.project, artifact.base_name)
            info = pretended(
                collection,
                artifact.type,
                description=artifact.description,
                metadata=dict(artifact.metadata),
                aliases=tuple(artifact.aliases),
                tags=tuple(artifact.tags),
            )
            artifact.settle(Forgotten(info, artifact.contents.entries, Inert(), self._settings.artifact_dir))
        return artifact


def _program(root: Path) -> str:
    """The script by its path in the checkout, or else in the current folder; of what is no script the folder."""
    from runlake.sdk.capture.capture import find_checkout

    if not sys.argv or not Path(sys.argv[0]).is_file():
        return root.resolve().name
    here = Path(current_folder())
    script, top = Path(os.path.abspath(sys.argv[0])), find_checkout(here) or here  # noqa: PTH100 (links stay as named)
    return script.relative_to(top).as_posix() if script.is_relative_to(top) else script.name


def _known(artifact: Artifact) -> Sequence[str]:
    return () if artifact.info is None else artifact.info.aliases


def _listed(names: Sequence[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else list(names or [])


def _each_once(*names: str) -> list[str]:
    return list(dict.fromkeys(names))
