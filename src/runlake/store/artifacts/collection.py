"""One collection on disk: what was decided in it, and what its versions are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from runlake.artifact_model import LATEST, ArtifactPath, CollectionKind, CollectionPath, ManifestEntry
from runlake.errors import ConflictError, CorruptError, NotFoundError, ReadOnlyError
from runlake.near import near_names
from runlake.ready import ready
from runlake.store.artifacts.fold import CollectionFold, Created, Entry, Version
from runlake.store.artifacts.manifest import decode_manifest
from runlake.store.artifacts.names import check_artifact_id, check_collection_path
from runlake.store.disk import READ_ONLY_ERRNOS
from runlake.store.layout import COLLECTION_FOLDERS, Layout
from runlake.store.ledger import FolderLedger, Ledger, entry_name
from runlake.store.opening.trash_names import COLLECTION_PREFIX, DELETED_FILE, name_in_trash
from runlake.store.tree import TAKEN_ERRNOS

_NAMED_COUNT = 5


class CollectionFolder:
    """A collection, read as far as it was there when somebody last looked (`catch_up`).

    One that was deleted, or called otherwise, and made anew meanwhile is another: it is read from its beginning.
    """

    def __init__(self, layout: Layout, path: CollectionPath, folder: Path | None = None) -> None:
        self.path = path
        self.folder = folder or layout.collection_dir(path)
        """Another one for a collection in the trash."""
        self.fold = CollectionFold(path)
        self._layout, self.tree = layout, layout.tree
        self._ledger: Ledger = FolderLedger(self.folder / "ledger", layout.tree)
        self.identity: tuple[int, int] | None = None
        """Which folder was read; None before it was."""

    def catch_up(self) -> CollectionFold:
        """Read what was decided since; `NotFoundError` when there is no such collection, or it was deleted."""
        while True:
            identity = self._find()
            if identity != self.identity:
                self.fold, self.identity = CollectionFold(self.path), identity
            for number, body in self._ledger.read_from(self.fold.next_entry):
                self.fold.take(number, body)
            if identity is None or not self.fold.is_created:
                raise _no_collection(self._layout, self.path)
            if self._find() == identity:
                return self.fold

    def decide(self, entry: Entry) -> bool:
        """Make the next entry; False when somebody else decided something first: then `catch_up`, and think again."""
        number = self.fold.next_entry
        body = msgspec.to_builtins(entry)
        if self._find() != self.identity or not self._ledger.append(number, body):
            return False
        if self._find() not in (None, self.identity):
            self._take_back(number)
            return False
        self.fold.take(number, body)
        return True

    def _take_back(self, number: int) -> None:
        """Remove an entry that went to another collection of this name, which is not that far yet."""
        if number > 1 and not any(self._ledger.read_from(number - 1)):
            self.tree.remove(self.folder / "ledger" / entry_name(number))

    def _find(self) -> tuple[int, int] | None:
        try:
            return self.tree.identity(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            return None

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
            return decode_manifest(self.tree.read(file), str(file))
        except (FileNotFoundError, IsADirectoryError):
            raise CorruptError(f"{file} is gone; restore it from a backup, and see: runlake check") from None

    def write_manifest(self, artifact_id: str, content: bytes) -> None:
        """Write what a version is to be made of: from then on nobody collects the contents that it names."""
        try:
            self.tree.replace(self.manifest_file(artifact_id), content)
        except FileNotFoundError:
            raise self.is_gone() from None

    def is_gone(self) -> NotFoundError:
        """What to raise when the collection is not the one that was worked on."""
        return NotFoundError(f"artifact {self.path} was deleted or renamed just now; begin its next version anew")


def create_collection(layout: Layout, path: CollectionPath, type: str, kind: CollectionKind, at: float) -> None:
    """Make a collection, unless there is one."""
    collection = CollectionFolder(layout, path)
    with writing(collection.folder):
        layout.make_collection_dir(path)
        try:
            collection.catch_up()
        except NotFoundError:
            collection.decide(Created(at=at, type=type, collection_kind=kind))


def is_created(layout: Layout, path: CollectionPath) -> bool:
    """Whether a collection was made, and has all its folders: not where its maker was killed, or a copy left them out.

    It costs no reading.
    """
    folder, tree = layout.collection_dir(path), layout.tree
    is_begun = tree.size_bytes(folder / "ledger" / entry_name(1))
    return bool(is_begun) and all(tree.has_folder(folder / name) for name in COLLECTION_FOLDERS)


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
        if layout.tree.has_folder(place):
            raise name_is_taken(path, target)
        try:
            layout.tree.move(folder, place)
        except FileNotFoundError:
            raise _no_collection(layout, path) from None
        except OSError as error:
            if error.errno not in TAKEN_ERRNOS:
                raise
            raise name_is_taken(path, target) from None
        layout.write_id(place, target.name)


def name_is_taken(path: CollectionPath, target: CollectionPath) -> ConflictError:
    """What to raise for a name that another collection has."""
    return ConflictError(f"artifact {path} cannot be called {target.name!r}: there is one of that name")


def delete_collection(layout: Layout, path: CollectionPath) -> None:
    """Move a collection to the trash. `NotFoundError` when it is not there."""
    folder = layout.collection_dir(path)
    trashed = layout.trash_dir / name_in_trash(COLLECTION_PREFIX, path.name, path.entity, path.project)
    with writing(layout.trash_dir):
        try:
            # Before it moves: who is killed in between has a collection with a file that nobody asks for.
            layout.tree.replace(folder / DELETED_FILE, msgspec.json.encode(path))
            layout.tree.make_subfolder(layout.trash_dir)
            layout.tree.move(folder, trashed)
        except FileNotFoundError:
            raise _no_collection(layout, path) from None


def restore_collection(layout: Layout, path: CollectionPath) -> None:
    """Take a deleted collection back from the trash, of several of its name the one deleted last.

    `NotFoundError` when it is not there, `ConflictError` when there is one of its name again.
    """
    found = _in_trash(layout, path)
    if not found:
        raise _no_collection(layout, path)
    folder = layout.collection_dir(path)
    with writing(folder):
        layout.make_project_dir(path.entity, path.project)
        layout.tree.make_subfolder(layout.collections_dir(path.entity, path.project))
        try:
            layout.tree.move(found[-1], folder)
        except FileNotFoundError:
            raise _no_collection(layout, path) from None
        except OSError as error:
            if error.errno not in TAKEN_ERRNOS:
                raise
            raise ConflictError(f"artifact {path} was made anew just now; rename it, and try again") from None
        layout.tree.remove(folder / DELETED_FILE)


def _in_trash(layout: Layout, path: CollectionPath) -> list[Path]:
    """The deleted collections of this name, the one deleted last at the end."""
    found = []
    for name in layout.tree.list_folders(layout.trash_dir):
        file = layout.trash_dir / name / DELETED_FILE
        try:
            if name.startswith(COLLECTION_PREFIX) and _was_at(layout.tree.read(file)) == path:
                found.append((layout.tree.written_at(file), file.parent))
        except (FileNotFoundError, IsADirectoryError):
            continue  # restored or removed at this moment
    return [folder for _, folder in sorted(found)]


def _was_at(content: bytes) -> CollectionPath | None:
    try:
        return msgspec.json.decode(content, type=ready(CollectionPath))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


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
    found = _read_id(layout, artifact_id)
    if found.version == artifact_id:
        return found
    meant = _read_id(layout, found.version)
    if meant.version != found.version:
        raise NotFoundError(f"no artifact has the id {artifact_id!r}")  # nobody writes what leads on and on
    return meant


def _read_id(layout: Layout, artifact_id: str) -> ArtifactPath:
    try:
        content = layout.tree.read(layout.artifact_ids_dir / artifact_id)
        found = msgspec.json.decode(content, type=ready(ArtifactPath))
        check_collection_path(found.collection)
        return found.collection.at(artifact_id if found.version == LATEST else check_artifact_id(found.version))
    except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError):
        raise NotFoundError(f"no artifact has the id {artifact_id!r}") from None


def claim_artifact_id(layout: Layout, artifact_id: str, path: CollectionPath) -> None:
    """Note where the artifact of this id is to be; `ConflictError` where it is another's."""
    layout.tree.make_subfolder(layout.root / "artifacts")
    layout.tree.make_subfolder(layout.artifact_ids_dir)
    text = msgspec.json.encode(path).decode()
    if layout.tree.create_once(layout.artifact_ids_dir / artifact_id, text):
        return
    try:
        owner = read_artifact_id(layout, artifact_id)
    except NotFoundError:
        owner = None  # it says nothing that could be
    if owner is not None and owner.collection == path:
        return
    if owner is not None and has_artifact(layout, owner):
        raise ConflictError(f"the id {artifact_id!r} is that of another artifact; begin {path} with another id")
    write_artifact_id(layout, artifact_id, path)


def has_artifact(layout: Layout, path: ArtifactPath) -> bool:
    """Whether the collection has a version of this id, or a draft."""
    collection = CollectionFolder(layout, path.collection)
    try:
        if collection.catch_up().by_id(path.version) is not None:
            return True
    except NotFoundError:
        return False
    return layout.tree.size_bytes(collection.folder / "drafts" / f"{path.version}.json") is not None


def write_artifact_id(layout: Layout, artifact_id: str, path: CollectionPath, *, means: str | None = None) -> None:
    """Note where the artifact of this id is from now on; `means` is the id of the version that it turned out to be."""
    file = layout.artifact_ids_dir / artifact_id
    content = msgspec.json.encode(path if means is None else path.at(means))
    try:
        layout.tree.replace(file, content)
    except FileNotFoundError:
        layout.tree.make_subfolder(layout.root / "artifacts")
        layout.tree.make_subfolder(layout.artifact_ids_dir)
        layout.tree.replace(file, content)


def _no_collection(layout: Layout, path: CollectionPath) -> NotFoundError:
    names = layout.collection_names(path.entity, path.project)
    near = near_names(path.name, names)
    advice = f"did you mean {' or '.join(near)}?" if near else "see: runlake ls --artifacts"
    return NotFoundError(f"no artifact {path.name!r} in {path.entity}/{path.project}; {advice}")
