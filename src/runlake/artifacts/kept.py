"""One version where it lies: what is known of it, its entries, its bytes, and what can be changed of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import quote

from msgspec.structs import replace

from runlake.artifact_model import LATEST, ArtifactEdit, ArtifactInfo, ArtifactPath, CollectionPath
from runlake.artifacts.cache import ContentCache
from runlake.artifacts.entry import Entry, FetchOptions
from runlake.artifacts.fetch import fetch
from runlake.artifacts.inner_references import file_of_artifact
from runlake.artifacts.side_by_side import NETWORK_THREAD_COUNT
from runlake.errors import NotFoundError, PathError, UsageError
from runlake.model import RunPath
from runlake.service.contract import Service

FindRun = Callable[[RunPath], Any]
"""The run of a path as readers have runs; `NotFoundError` where there is none."""


class Sender(Protocol):
    """Who brings versions of a folder to a server."""

    def wait(self, artifact_id: str, timeout: float | None) -> ArtifactInfo:
        """The version as it is at the server, as soon as it is there; `timeout` in seconds, None: however long."""
        ...


class Kept(Protocol):
    """A version that was kept, or that a disabled run pretends to have kept."""

    info: ArtifactInfo

    def entries(self) -> dict[str, Entry]: ...
    def open(self, entry: Entry) -> BinaryIO: ...
    def default_root(self) -> Path: ...
    def fetch(self, entries: Sequence[Entry], root: Path, options: FetchOptions) -> None: ...
    def edit(self, edit: ArtifactEdit) -> None: ...
    def delete(self, *, delete_aliases: bool) -> None: ...
    def link(self, target: CollectionPath, aliases: Sequence[str]) -> ArtifactInfo: ...
    def wait(self, timeout: float | None) -> None: ...
    def logged_by(self) -> Any: ...
    def used_by(self) -> list[Any]: ...


class KeptVersion:
    """A version in a store; its `path` is by its id, since aliases and names of collections may change.

    `find_run` is asked for the runs that logged and used it; `cache`, when files come over HTTP; `sender`, where it is
    to go to a server. Files go below `folder`.
    """

    def __init__(
        self,
        service: Service,
        info: ArtifactInfo,
        *,
        find_run: FindRun,
        sender: Sender | None = None,
        cache: Callable[[], ContentCache | None] = lambda: None,
        folder: Path = Path("artifacts"),
        shows_progress: bool = True,
    ) -> None:
        self.service, self.info = service, info
        self._place = info.collection.at(info.artifact_id)
        self._there: ArtifactInfo | None = None
        self._find_run, self._sender, self._cache, self._folder = find_run, sender, cache, folder
        self._shows_progress = shows_progress
        self._entries: dict[str, Entry] | None = None
        self._others: dict[str, KeptVersion] = {}

    @property
    def path(self) -> ArtifactPath:
        """Where it is in the store: by its id, since aliases may change, and at a server it may be another version."""
        return self._place

    def at(self, info: ArtifactInfo) -> KeptVersion:
        """Another version of the same store."""
        return KeptVersion(
            self.service,
            info,
            find_run=self._find_run,
            sender=self._sender,
            cache=self._cache,
            folder=self._folder,
            shows_progress=self._shows_progress,
        )

    def entries(self) -> dict[str, Entry]:
        """Its entries by their paths; read once, since they never change."""
        if self._entries is None:
            manifest = self.service.read_manifest(self.path)
            self._entries = {entry.path: Entry.of_manifest(entry, self) for entry in manifest}
        return self._entries

    def open(self, entry: Entry) -> BinaryIO:
        """The bytes of a file of it, or of that of another artifact which it refers to."""
        file = self._found(entry)
        if file.home is not None and file.home is not self:
            return file.home.open(file)
        return self.service.open_content(self.path, file.path_at_home)

    def _found(self, entry: Entry) -> Entry:
        """The entry with what it refers to in another artifact of the store; itself where that is not there."""
        file = file_of_artifact(entry.ref)
        if file is None:
            return entry
        try:
            info = self.service.find_artifact(file.artifact_id)
            other = self._others.setdefault(info.artifact_id, self.at(info))
            there = other.entries().get(file.name)
        except (NotFoundError, PathError):
            return entry
        return entry if there is None or there.ref is not None else there.renamed(entry.path)

    def default_root(self) -> Path:
        """Where its files go unless somebody says otherwise."""
        return default_root(self.info, self._folder)

    def fetch(self, entries: Sequence[Entry], root: Path, options: FetchOptions) -> None:
        """Bring these files below `root`."""
        is_here = self.service.url.startswith("file:")
        fetch(
            self,
            [self._found(entry) for entry in entries],
            root,
            options,
            title=str(self.info.path),
            cache=None if is_here or options.skip_cache else self._cache(),
            is_shown=self._shows_progress,
            thread_count=None if is_here else NETWORK_THREAD_COUNT,
        )

    def edit(self, edit: ArtifactEdit) -> None:
        """Change what is known of it."""
        if edit != ArtifactEdit():
            self.info = _called_as(self._there, self.service.edit_artifact(self.path, edit))

    def delete(self, *, delete_aliases: bool) -> None:
        """Delete it; of a link only that."""
        self.service.delete_artifact(self.path, delete_aliases=delete_aliases)

    def link(self, target: CollectionPath, aliases: Sequence[str]) -> ArtifactInfo:
        """The link to it in a portfolio; one that is new there is its ``latest``."""
        return self.service.link_artifact(self.path, target, [*aliases, *self._latest_of(target)])

    def _latest_of(self, target: CollectionPath) -> list[str]:
        try:
            self.service.read_artifact(target.at(self.info.artifact_id))
        except NotFoundError:
            return [LATEST]
        return []

    def wait(self, timeout: float | None) -> None:
        """Wait until it is where it is to go: at once, where that is the folder in which it lies."""
        if self._sender is not None:
            self.info = self._there = self._sender.wait(self.path.version, timeout)

    def address(self) -> str:
        """Where it is: below ``file://…`` for a folder, below the address of a server."""
        info = self.info
        parts = (info.entity, info.project, "artifacts", info.type, info.name, info.version or info.artifact_id)
        return "/".join([self.service.url.rstrip("/"), *(quote(part, safe="") for part in parts)])

    def links(self) -> list[ArtifactInfo]:
        """The links to it in the portfolios of the entity."""
        found = []
        for project in self.service.list_projects(self.info.entity):
            for collection in self.service.list_collections(project.entity, project.name):
                if collection.kind == "portfolio":
                    found += self.service.list_artifacts(collection.path)
        return [info for info in found if info.artifact_id == self.info.artifact_id]

    def logged_by(self) -> Any:
        """The run that made it, as readers have runs; None where none did, or it is gone."""
        made_by = self.info.created_by
        return None if made_by is None else self._run_if_there(made_by)

    def used_by(self) -> list[Any]:
        """The runs that used it, as readers have runs."""
        found = [self._run_if_there(path) for path in self.service.list_artifact_users(self.path)]
        return [run for run in found if run is not None]

    def _run_if_there(self, path: RunPath) -> Any:
        try:
            return self._find_run(path)
        except NotFoundError:
            return None


def _called_as(there: ArtifactInfo | None, info: ArtifactInfo) -> ArtifactInfo:
    """What is known of a version under the name that it has at the server, if it is known to be there."""
    if there is None:
        return info
    names = {"entity": there.entity, "project": there.project, "name": there.name}
    return replace(info, **names, artifact_id=there.artifact_id, version_number=there.version_number)


class Forgotten:
    """What a disabled run has of an artifact: its files stay where they were added, and nothing else is kept.

    `stand_in` takes the place of runs that would have logged or used it.
    """

    def __init__(self, info: ArtifactInfo, entries: Mapping[str, Entry], stand_in: Any, folder: Path) -> None:
        self.info, self._all, self._stand_in, self._folder = info, dict(entries), stand_in, folder
        for entry in self._all.values():
            entry.home = self
            entry.local_path = entry.local_path or entry.same_at

    def entries(self) -> dict[str, Entry]:
        return self._all

    def open(self, entry: Entry) -> BinaryIO:
        if entry.local_path is None:
            raise UsageError(f"{entry.path!r} is of a run that is disabled: there is nothing to read")
        return Path(entry.local_path).open("rb")

    def default_root(self) -> Path:
        return default_root(self.info, self._folder)

    def fetch(self, entries: Sequence[Entry], root: Path, options: FetchOptions) -> None:
        here = [entry for entry in entries if entry.local_path is not None]
        fetch(self, here, root, options, title=str(self.info.path), cache=None, is_shown=False)

    def edit(self, edit: ArtifactEdit) -> None: ...

    def delete(self, *, delete_aliases: bool) -> None: ...

    def link(self, target: CollectionPath, aliases: Sequence[str]) -> ArtifactInfo:
        return self.info

    def wait(self, timeout: float | None) -> None: ...

    def logged_by(self) -> Any:
        return self._stand_in

    def used_by(self) -> list[Any]:
        return []


PRETENDED_ID = "disabled"
"""The id of what was not kept."""


def default_root(info: ArtifactInfo, folder: Path) -> Path:
    """The folder of an artifact in that of all."""
    return folder / f"{info.name}:{info.version or info.artifact_id}"


def pretended(path: CollectionPath, type: str, **known: Any) -> ArtifactInfo:
    """A version as if it had been kept."""
    now = time.time()
    return ArtifactInfo(
        entity=path.entity,
        project=path.project,
        name=path.name,
        artifact_id=PRETENDED_ID,
        type=type,
        state="COMMITTED",
        version_number=0,
        created_at=now,
        updated_at=now,
        **known,
    )
