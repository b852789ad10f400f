"""What is wrong with the artifacts of a project: ledgers, manifests, contents, drafts, and notes of who used what.

Every content that a version of the project has is read. A project that has no artifacts is not looked at any further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from runlake.artifact_model import CollectionPath
from runlake.errors import BadValueError, CorruptError, NewerFormatError, NotFoundError, StoreError
from runlake.store.artifacts.collection import CollectionFolder
from runlake.store.artifacts.content import digest_stream
from runlake.store.artifacts.drafts import started_draft_of
from runlake.store.artifacts.fold import Version, entry_of
from runlake.store.care.artifact_notes import check_notes
from runlake.store.care.check_ledger import LedgerLoss, check_ledger
from runlake.store.care.damage import FROM_BACKUP, NOTHING, Damage
from runlake.store.care.strangers import find_strangers, stranger, visible_entries
from runlake.store.folder_store import FolderStore
from runlake.store.layout import COLLECTION_FOLDERS
from runlake.store.opening.trash_names import DELETED_FILE
from runlake.values import stored_json

Report = Callable[[int, int], None]
"""Is told how many contents were read, and of how many."""

_LOSS = LedgerLoss(
    unreadable="the whole collection until it is back; its manifests and contents are whole",
    but="manifests and contents are whole",
    gap_advice=FROM_BACKUP,
)
_AGAIN = "log the same file again, or restore it from a backup"
_ALTERED = f"`runlake repair --force` moves it to the trash; then {_AGAIN}"
_BESIDE = ("links", "id", DELETED_FILE)
_KINDS = ("create", "commit", "link", "edit", "delete", "restore", "collect", "describe")


def check_artifacts(
    layout: FolderStore, entity: str, project: str, report: Report = lambda done, total: None
) -> Iterator[Damage]:
    """Kinds: foreign, missing, corrupt, newer."""
    folder = layout.collections_dir(entity, project)
    paths = {}
    for name in layout.collection_names(entity, project):
        path = CollectionPath(entity, project, name)
        paths[layout.collection_dir(path).name] = path
    contents = _Contents(layout)
    for entry in visible_entries(folder):
        if not entry.is_dir() or not any((entry / name).is_dir() for name in COLLECTION_FOLDERS):
            yield stranger(entry)
        elif entry.name in paths:
            yield from _check_collection(CollectionFolder(layout, paths[entry.name]), contents)
        else:
            lost = "the name of the collection, so that no listing shows it; its versions are whole"
            yield Damage("missing", entry / "id", lost, "runlake repair makes it anew where the ledger says it")
    yield from contents.check(report)
    yield from check_notes(layout, entity, project)


def _check_collection(collection: CollectionFolder, contents: _Contents) -> Iterator[Damage]:
    folder = collection.folder
    yield from check_ledger(folder / "ledger", _LOSS)
    yield from _check_sense(folder / "ledger")
    yield from find_strangers(folder, lambda entry: entry.name in (*COLLECTION_FOLDERS, *_BESIDE))
    yield from find_strangers(folder / "manifests", lambda entry: entry.suffix == ".jsonl")
    yield from _check_drafts(folder / "drafts")
    try:
        fold = collection.catch_up()
    except (StoreError, NotFoundError):
        return  # its ledger is named above, or it was deleted at this moment
    for version in fold.versions if fold.kind == "sequence" else ():
        if not version.is_collected:
            yield from _check_manifest(collection, version, contents)


def _check_sense(ledger: Path) -> Iterator[Damage]:
    """Entries that are JSON, and say nothing that could be."""
    for file in visible_entries(ledger):
        try:
            text = file.read_bytes()
            body = stored_json(text.decode()) if text.endswith(b"\n") else {}
        except (ValueError, CorruptError, IsADirectoryError):
            continue
        try:
            if body != {}:
                entry_of(body)
        except BadValueError as error:
            kind = body.get("kind") if isinstance(body, dict) else None
            if isinstance(kind, str) and kind not in _KINDS:
                yield Damage("newer", file, "what it decided, for this runlake", "upgrade runlake to read it")
            else:
                yield Damage("corrupt", file, f"what it decided, for all readers: {error}", FROM_BACKUP)


def _check_drafts(folder: Path) -> Iterator[Damage]:
    yield from find_strangers(folder, lambda entry: entry.suffix in (".json", ".received"))
    for file in visible_entries(folder):
        try:
            if file.suffix == ".json":
                started_draft_of(file.read_bytes())
        except (BadValueError, IsADirectoryError):
            lost = "an artifact that was begun and not committed"
            yield Damage("corrupt", file, lost, "begin it anew; runlake gc removes it after a day")
        except FileNotFoundError:
            continue  # committed at this moment


def _check_manifest(collection: CollectionFolder, version: Version, contents: _Contents) -> Iterator[Damage]:
    file = collection.manifest_file(version.artifact_id)
    name = f"{collection.path}:v{version.number}"
    lost = f"what {name} is made of; its contents may be whole"
    try:
        entries = collection.read_manifest(version.artifact_id)
    except NewerFormatError:
        yield Damage("newer", file, NOTHING, "upgrade runlake to read it")
    except CorruptError:
        yield Damage("corrupt" if file.exists() else "missing", file, lost, FROM_BACKUP)
    else:
        for entry in entries:
            if entry.sha256 is not None:
                contents.note(entry.sha256, entry.size_bytes, entry.path, name)


class _Contents:
    """The contents that the versions of a project have, and which have each: the first by its name, of others how many.

    Kept small: there may be millions.
    """

    def __init__(self, layout: FolderStore) -> None:
        self._layout = layout
        self._users: dict[tuple[str, int], tuple[str, str, int]] = {}

    def note(self, sha256: str, size_bytes: int, path: str, version: str) -> None:
        """That a version has a content as one of its files."""
        key = (sha256, size_bytes)
        first = self._users.get(key)
        self._users[key] = (path, version, 1) if first is None else (first[0], first[1], first[2] + 1)

    def check(self, report: Report) -> Iterator[Damage]:
        """Those that are not as they were put; each is read once."""
        for done, ((sha256, size_bytes), (path, version, count)) in enumerate(sorted(self._users.items())):
            report(done, len(self._users))
            file = self._layout.content_dir / sha256[:2] / sha256
            more = f" and {count - 1:,} more file{'s' * (count > 2)} of versions" if count > 1 else ""
            lost = f"{path!r} of {version}{more}"
            try:
                with file.open("rb") as stream:
                    found = digest_stream(stream)
            except FileNotFoundError:
                if not (self._layout.content_aside_dir / sha256).exists():
                    yield Damage("missing", file, lost, _AGAIN)
                continue
            except IsADirectoryError:
                yield Damage("corrupt", file, lost, _ALTERED)
                continue
            if found.size_bytes != size_bytes:
                lost = f"{lost}: it has {found.size_bytes:,} bytes and not {size_bytes:,}"
                yield Damage("corrupt", file, lost, _AGAIN)
            elif found.sha256 != sha256:
                yield Damage("corrupt", file, f"{lost}: its bytes have another SHA-256", _ALTERED)
