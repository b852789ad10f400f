"""One collection on disk: what was decided in it, and what its versions are made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from runlake.artifact_model import LATEST, ArtifactPath, CollectionKind, CollectionPath, ManifestEntry
from runlake.errors import ConflictError, CorruptError, NotFoundError, ReadOnlyError
from runlake.near import near_names
from runlake.store.artifacts.fold import CollectionFold, Created, Entry, Version
from runlake.store.artifacts.manifest import decode_manifest
from runlake.store.disk import READ_ONLY_ERRNOS, make_subfolder, move, read_whole, replace_file
from runlake.store.layout import Layout, encode_name
from runlake.store.ledger import FolderLedger, Ledger
from runlake.store.opening.trash import COLLECTION_PREFIX

_NAMED_COUNT = 5


class CollectionFolder:
    """A collection, read as far as it was there when somebody last looked (`catch_up`)."""

    def __init__(self, layout: Layout, path: CollectionPath) -> None:
        self.path = path
        self.folder = layout.collection_dir(path)
        self.fold = CollectionFold(path)
        self._layout = layout
        self._ledger: Ledger = FolderLedger(self.folder / "ledger")

    def catch_up(self) -> CollectionFold:
        """Read what was decided since; `NotFoundError` when there is no such collection, or it was deleted."""
        for number, body in self._ledger.read_from(self.fold.next_entry):
            self.fold.take(number, body)
        if not self.fold.is_created or not self.folder.is_dir():
            raise _no_collection(self._layout, self.path)
        return self.fold

    def decide(self, entry: Entry) -> bool:
        """Make the next entry; False when somebody else decided something first: then `catch_up`, and think again."""
        number = self.fold.next_entry
        body = msgspec.to_builtins(entry)
        if not self._ledger.append(number, body):
            return False
        self.fold.take(number, body)
        return True

    def found(self, version: str) -> Version:
        """The version that is meant; `NotFoundError` names those that there are."""
        found = self.fold.find(version)
        if found is None:
            raise self.no_version(version)
        return found

    def no_version(self, version: str) -> NotFoundError:
        """What to raise for a version that is not there."""
        aliases = list(self.fold.aliases)
        known = [*aliases, *(f"v{version.number}" for version in self.fold.live())]
        near = near_names(version, aliases) or known[:_NAMED_COUNT]
        listed = f"there are {len(known)} names, such as {', '.join(near)}" if known else "no version was committed"
        return NotFoundError(f"no version {version!r} of artifact {self.path}; {listed}")

    def manifest_file(self, artifact_id: str) -> Path:
        """Where a manifest is."""
        return self.folder / "manifests" / f"{artifact_id}.jsonl"

    def read_manifest(self, artifact_id: str) -> list[ManifestEntry]:
        """What a version of this sequence is made of; `CorruptError` when that is gone or cannot be read."""
        file = self.manifest_file(artifact_id)
        try:
            return decode_manifest(read_whole(file), str(file))
        except FileNotFoundError:
            raise CorruptError(f"{file} is gone; restore it from a backup, and see: runlake check") from None

    def write_manifest(self, artifact_id: str, content: bytes) -> None:
        """Write what a version is to be made of: from then on nobody collects the contents that it names."""
        replace_file(self.manifest_file(artifact_id), content)


def create_collection(layout: Layout, path: CollectionPath, type: str, kind: CollectionKind, at: float) -> None:
    """Make a collection, unless there is one."""
    collection = CollectionFolder(layout, path)
    with writing(collection.folder):
        layout.make_collection_dir(path)
        collection.decide(Created(at=at, type=type, collection_kind=kind))


def check_kind(fold: CollectionFold, type: str, kind: CollectionKind) -> None:
    """`ConflictError` for a collection of another type or kind."""
    if fold.type != type:
        raise ConflictError(
            f"artifact {fold.path} is of type {fold.type!r}, and not {type!r}; use that type or another name"
        )
    if fold.kind != kind:
        kinds = {"sequence": "has versions of its own", "portfolio": "is a portfolio: versions are linked to it"}
        raise ConflictError(f"artifact {fold.path} {kinds[fold.kind]}; choose another name")


def rename_collection(layout: Layout, path: CollectionPath, target: CollectionPath) -> None:
    """Give a collection another name, in one step. `ConflictError` when it is taken."""
    folder, place = layout.collection_dir(path), layout.collection_dir(target)
    with writing(folder):
        if place.exists():
            raise ConflictError(f"artifact {path} cannot be called {target.name!r}: there is one of that name")
        try:
            move(folder, place)
        except FileNotFoundError:
            raise _no_collection(layout, path) from None
        replace_file(place / "id", target.name.encode())


def delete_collection(layout: Layout, path: CollectionPath) -> None:
    """Move a collection to the trash. `NotFoundError` when it is not there."""
    trashed = layout.trash_dir / f"{COLLECTION_PREFIX}{os.urandom(4).hex()}-{encode_name(path.name)}"
    with writing(layout.trash_dir):
        try:
            make_subfolder(layout.trash_dir)
            move(layout.collection_dir(path), trashed)
        except FileNotFoundError:
            raise _no_collection(layout, path) from None


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Name a store that cannot be written as such."""
    try:
        yield
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"{place} cannot be written: {error}") from error


def read_artifact_id(layout: Layout, artifact_id: str) -> ArtifactPath:
    """Where the artifact of this id is; `NotFoundError` when nobody began one.

    What was begun and turned out to be another version, which had the same digest, is that one.
    """
    try:
        names = msgspec.json.decode(read_whole(layout.artifact_ids_dir / artifact_id), type=ArtifactPath)
    except (FileNotFoundError, msgspec.MsgspecError):
        raise NotFoundError(f"no artifact has the id {artifact_id!r}") from None
    if names.version in (LATEST, artifact_id):
        return names.collection.at(artifact_id)
    return read_artifact_id(layout, names.version)


def write_artifact_id(layout: Layout, artifact_id: str, path: CollectionPath, *, means: str | None = None) -> None:
    """Note where the artifact of this id is; `means` is the id of the version that it turned out to be."""
    file = layout.artifact_ids_dir / artifact_id
    content = msgspec.json.encode(path if means is None else path.at(means))
    try:
        replace_file(file, content)
    except FileNotFoundError:
        make_subfolder(layout.root / "artifacts")
        make_subfolder(layout.artifact_ids_dir)
        replace_file(file, content)


def _no_collection(layout: Layout, path: CollectionPath) -> NotFoundError:
    names = layout.collection_names(path.entity, path.project)
    near = near_names(path.name, names)
    advice = f"did you mean {' or '.join(near)}?" if near else "see: runlake ls --artifacts"
    return NotFoundError(f"no artifact {path.name!r} in {path.entity}/{path.project}; {advice}")
