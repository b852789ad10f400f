"""The files of runs in the folders of a store: whole files, put in place in one step.

A file's name is what the user gave it, with ``/`` between folders; `layout.encode_file_part` says how a part of it
stands on disk. Nothing outside the run's ``files`` folder is ever read, written or listed: names that lead out are
refused, and so are symlinks that do.
"""

from __future__ import annotations

import itertools
import os
import stat
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from runlake.errors import NotFoundError, PathError, ReadOnlyError
from runlake.lru import LruCache
from runlake.md5 import md5_of, md5_text, new_md5
from runlake.model import FileInfo, RunPath
from runlake.store.disk import (
    READ_ONLY_ERRNOS,
    TEMPORARY_PREFIX,
    announce,
    create_stream,
    discard,
    put_in_place,
    remove_empty_folder,
    remove_present,
    temporary_beside,
)
from runlake.store.files import (
    file_in_the_way,
    folder_in_the_way,
    mimetype_of,
    names_of_files,
    no_such_file,
    no_such_run,
    nothing_to_do,
)
from runlake.store.layout import Layout, check_file_name, decode_file_part, encode_file_part

_KEPT_DIGESTS = 500_000
_KEPT_NAMES = 500_000
_QUIET_NS = 2_000_000_000
"""What changed later may change again, and its folder has the same time."""


class _Names(NamedTuple):
    names: list[str]
    folders: dict[Path, int]
    """Where they were read, and when each folder had changed last, in ns."""


class FolderFiles:
    """The files of the runs of one store, in its folders. Threads may share it."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._digests: LruCache[tuple[str, int, int], str] = LruCache(_KEPT_DIGESTS)
        self._names: LruCache[RunPath, _Names] = LruCache(_KEPT_NAMES, size_of=lambda _, known: 1 + len(known.names))
        self._lock = threading.Lock()

    def list_files(
        self, path: RunPath, *, names: Iterable[str] | None = None, after: str = "", limit: int | None = None
    ) -> list[FileInfo]:
        """See `Files.list_files`. Each digest is computed once per content."""
        root = self._root(path)
        if names is None:
            known = self._names_of(path)
            names = itertools.islice(known, bisect_right(known, after), None)
        else:
            names = names_of_files(names)
        found: list[FileInfo] = []
        for name in names:
            if len(found) == limit:
                break
            try:
                found.append(self._describe(root, name, self._layout.file_path(path, name)))
            except (FileNotFoundError, NotADirectoryError, PathError):
                continue  # removed since the folder was read, or a link that leads out: no file of this run
        return found

    def count_files(self, path: RunPath) -> int:
        """See `Files.count_files`."""
        return len(self._names_of(path))

    def _names_of(self, path: RunPath) -> list[str]:
        """The names by name: as they were read before, as long as no folder says that it has changed since."""
        known = self._names.get(path)
        if known is not None and all(_changed_ns(folder) == at for folder, at in known.folders.items()):
            return known.names
        root, folders = self._root(path), dict[Path, int]()
        read_ns = time.time_ns()
        found = _walk(self._layout.files_dir(path), "", folders)
        names = sorted(name for name, entry in found if _is_inside(root, entry))
        if all(at < read_ns - _QUIET_NS for at in folders.values()):
            self._names.put(path, _Names(names, folders))
        return names

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        """See `Files.open_file`."""
        name = check_file_name(name)
        file = self._layout.file_path(path, name)
        try:
            _check_inside(self._root(path), file, name)
            if not file.is_dir():
                return file.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            pass  # the same answer as for a folder
        raise self._not_found(path, name)

    def signed_url(self, path: RunPath, name: str, *, valid_s: float) -> None:
        """Nobody but this machine has these files."""

    def receive_file(self, path: RunPath, name: str, on_kept: Callable[[], None] = nothing_to_do) -> FolderIncoming:
        """See `Files.receive_file`."""
        name = check_file_name(name)
        with _changing("store", path, name):
            self._make_folders(path, name)
            return FolderIncoming(self, path, name, on_kept)

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        """See `Files.put_file`."""
        from runlake.incoming import keep_whole

        return keep_whole(content, self.receive_file(path, name))

    def delete_file(self, path: RunPath, name: str) -> None:
        """See `Files.delete_file`."""
        name = check_file_name(name)
        root, file = self._layout.files_dir(path), self._layout.file_path(path, name)
        try:
            with _changing("remove", path, name):
                _check_inside(_real_root(root), file.parent, name)
                if file.is_dir() and not file.is_symlink():
                    raise FileNotFoundError
                remove_present(file)
        except (FileNotFoundError, NotADirectoryError):
            raise self._not_found(path, name) from None
        for folder in file.parents:
            if folder == root:
                return
            try:
                remove_empty_folder(folder)
            except OSError:
                return  # not empty

    def _root(self, path: RunPath) -> Path:
        return _real_root(self._layout.files_dir(path))

    def place_of(self, path: RunPath, name: str) -> Path:
        """Where a file stands."""
        return self._layout.file_path(path, name)

    def describe(self, path: RunPath, name: str, md5: str) -> FileInfo:
        """A file that was put in its place just now, whose digest is known."""
        file = self.place_of(path, name)
        with self._lock:
            self._digests.put(_identity(file, file.stat()), md5)
        return self._describe(self._root(path), name, file)

    def _make_folders(self, path: RunPath, name: str) -> None:
        _check_inside(self._root(path), self._layout.file_path(path, name).parent, name)
        try:
            self._layout.make_file_folders(path, name)
        except FileNotFoundError:
            raise no_such_run(path, name) from None
        except (FileExistsError, NotADirectoryError):
            raise file_in_the_way(name) from None

    def _describe(self, root: Path, name: str, file: Path) -> FileInfo:
        _check_inside(root, file, name)
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(file)
        return FileInfo(
            name=name,
            size_bytes=status.st_size,
            mimetype=mimetype_of(name),
            updated_at=status.st_mtime,
            md5=self._md5(file, status),
            url=file.absolute().as_uri(),
        )

    def _md5(self, file: Path, status: os.stat_result) -> str:
        identity = _identity(file, status)
        known = self._digests.get(identity)
        if known is None:
            with file.open("rb") as content:
                known = md5_of(content)
            self._digests.put(identity, known)
        return known

    def _not_found(self, path: RunPath, name: str) -> NotFoundError:
        return no_such_file(path, name, [found for found, _ in _walk(self._layout.files_dir(path), "")])


class FolderIncoming:
    """A file that is written beside its place, and put there when it is whole."""

    def __init__(self, files: FolderFiles, path: RunPath, name: str, on_kept: Callable[[], None]) -> None:
        self._files, self._path, self._name, self._on_kept = files, path, name, on_kept
        self._file = files.place_of(path, name)
        self._temporary = temporary_beside(self._file)
        self._target = create_stream(self._temporary)
        self._digest = new_md5()

    @property
    def md5(self) -> str:
        """Of what was written so far, in base64."""
        return md5_text(self._digest)

    def write(self, piece: bytes) -> None:
        """The next bytes."""
        with _changing("store", self._path, self._name):
            announce("write", self._temporary)
            self._digest.update(piece)
            self._target.write(piece)

    def keep(self) -> FileInfo:
        """Put the file in its place, in one step."""
        with _changing("store", self._path, self._name):
            self._target.close()
            _replace(self._temporary, self._file, self._name)
        kept = self._files.describe(self._path, self._name, self.md5)
        self._on_kept()
        return kept

    def discard(self) -> None:
        """Leave nothing of it."""
        try:
            self._target.close()
        except OSError:
            pass  # what could not be written is not wanted
        discard(self._temporary)


@contextmanager
def _changing(verb: Literal["store", "remove"], path: RunPath, name: str) -> Iterator[None]:
    """Name a store that cannot be written as such."""
    try:
        yield
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(
            f"cannot {verb} {name!r} of run {path}, because the store cannot be written: {error}"
        ) from error


def foreign_files(layout: Layout, path: RunPath) -> Iterator[Path]:
    """What lies among the files of a run and is none: links that lead out of it, and what no name leads to."""
    folder = layout.files_dir(path)
    root = _real_root(folder)
    if not folder.resolve().is_relative_to(root):
        yield folder
        return
    named = {Path(entry.path) for _, entry in _walk(folder, "")}
    for parent, folders, files in os.walk(folder):
        for place in sorted(Path(parent, name) for name in (*folders, *files)):
            is_file = place.is_symlink() or not place.is_dir()
            is_ours = place in named and place.resolve().is_relative_to(root)
            if is_file and not is_ours and not place.name.startswith(TEMPORARY_PREFIX):
                yield place


def _walk(folder: Path, prefix: str, folders: dict[Path, int] | None = None) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Name and place of everything that is no folder; folders behind symlinks are not entered.

    `folders` learns each folder, and when it had changed last before it was read.
    """
    if folders is not None:
        folders[folder] = _changed_ns(folder)
    for entry, is_folder in _entries(folder):
        part = _part_of(entry.name)
        if part is None:
            continue
        if is_folder:
            yield from _walk(Path(entry.path), f"{prefix}{part}/", folders)
        else:
            yield prefix + part, entry


def _changed_ns(folder: Path) -> int:
    """When a folder changed last; 0 for one that is not there."""
    try:
        return folder.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _is_inside(root: Path, entry: os.DirEntry[str]) -> bool:
    """Whether it is a file of the run: most are, and say so without another look."""
    if not entry.is_symlink():
        return entry.is_file()
    place = Path(entry.path)
    return place.is_file() and place.resolve().is_relative_to(root)


def _entries(folder: Path) -> list[tuple[os.DirEntry[str], bool]]:
    try:
        with os.scandir(folder) as found:
            entries = [(entry, entry.is_dir(follow_symlinks=False)) for entry in found]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [(entry, is_folder) for entry, is_folder in entries if not entry.name.startswith(TEMPORARY_PREFIX)]


def _part_of(encoded: str) -> str | None:
    """The part of a file's name that stands on disk like this; None where none does."""
    try:
        part = decode_file_part(encoded)
        part.encode()
        return part if encode_file_part(part) == encoded else None
    except ValueError:
        return None


def _real_root(files_dir: Path) -> Path:
    """Where the files of a run really are, if nobody put a link in the place of its folder or of ``files`` in it.

    An owner may have a store or a project on another disk; behind a link in a run's place is what is not the run's.
    """
    run_dir = files_dir.parent
    return run_dir.parent.resolve() / run_dir.name / files_dir.name


def _check_inside(root: Path, place: Path, name: str) -> None:
    """Refuse what a symlink leads out of the run's folder; `root` is where that really is."""
    if not place.resolve().is_relative_to(root):
        raise PathError(f"{name!r} is a link that leads out of the run's folder, to {place.resolve()}")


def _replace(temporary: Path, file: Path, name: str) -> None:
    try:
        put_in_place(temporary, file)
    except IsADirectoryError:
        raise folder_in_the_way(name) from None
    except PermissionError:
        # Windows says so both of a folder in the way and of a file that somebody is reading.
        if file.is_dir():
            raise folder_in_the_way(name) from None
        raise


def _identity(file: Path, status: os.stat_result) -> tuple[str, int, int]:
    return (str(file), status.st_size, status.st_mtime_ns)
