"""Every change that a store makes on a disk, and every lock: the one place where files are written, moved and removed.

A store agrees with itself by four steps that a file system does whole or not at all: a file is made once
(`create_once`), takes a name over (`replace_file`, `replacing`), changes its name (`move`), or grows by one write
(`append`). What dies in between leaves a temporary file at most, and `runlake gc` knows those by their name.

Each step is told to a watcher before it is taken, where there is one (`watched`): a watcher that raises is a disk that
refuses or a process that dies, one that does something itself is another process at that moment.
"""

from __future__ import annotations

import errno
import functools
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

try:
    import fcntl
except ImportError:  # Windows has other locks, which also stop readers
    fcntl = None  # type: ignore[assignment]

TEMPORARY_PREFIX = ".runlake-tmp-"
"""Names of what is being written, or was left by a process that was killed; nothing lists them."""

READ_ONLY_ERRNOS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
"""How a store says that it cannot be written by us."""

_O_BINARY = getattr(os, "O_BINARY", 0)
_LOCK_ATTEMPTS = 100

Step = Literal[
    "list", "read", "lock", "create", "write", "sync", "replace", "move", "remove", "make_folder", "touch", "link",
]  # fmt: skip


class Watcher(Protocol):
    """Is told each step before it is taken, and the file or folder that it changes.

    A number that it answers to a write is how many bytes the disk takes of it before it is full.
    """

    def __call__(self, step: Step, place: Path) -> int | None: ...


_watcher: ContextVar[Watcher | None] = ContextVar("runlake.disk", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell a watcher each step of this thread, or of this task, within the block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def announce(step: Step, place: Path) -> int | None:
    """Tell the watcher, if there is one, what is about to be done. For the few that must do it themselves."""
    watcher = _watcher.get()
    return None if watcher is None else watcher(step, place)


# Whole files ------------------------------------------------------------------------------------------------


def temporary_beside(file: Path) -> Path:
    """A name on the same disk that no other process chooses, for what is to take the file's name over."""
    return file.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{os.urandom(4).hex()}")


def replace_file(file: Path, content: bytes, *, is_synced: bool = False) -> None:
    """Put a whole file in place in one step: a reader sees the old one or the new one.

    Synced it survives a power failure as well: for what makes something else superfluous, which is removed next.
    """
    with replacing(file, is_synced=is_synced) as stream:
        write_all(stream, content, file)


def write_all(stream: BinaryIO, content: bytes, file: Path) -> None:
    """Write to a new file, which nobody else has yet; the watcher may say that the disk takes only the first bytes."""
    taken = announce("write", file)
    if taken is None or taken >= len(content):
        stream.write(content)
        return
    stream.write(content[:taken])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))


@contextmanager
def replacing(file: Path, *, is_synced: bool = False) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file in one step when the block ends, and nothing when it fails."""
    temporary = temporary_beside(file)
    try:
        announce("create", temporary)
        with temporary.open("wb") as stream:
            yield stream
            if is_synced:
                stream.flush()
                announce("sync", temporary)
                os.fsync(stream.fileno())
        announce("replace", file)
        temporary.replace(file)
    except BaseException:
        discard(temporary)
        raise


def put_in_place(temporary: Path, file: Path) -> None:
    """Let a file that is whole take over the name of another."""
    announce("replace", file)
    temporary.replace(file)


def create_empty(file: Path) -> None:
    """Make an empty file whose name says it all. FileExistsError when there is one."""
    announce("create", file)
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def create_once(file: Path, content: str) -> bool:
    """Make a file with its content unless there is one: of several who try at once, one is told that it did.

    By a hard link to a file that is whole. On a disk without links, where O_EXCL is all there is, a reader may see the
    file while it is empty still. Over a network the answer False is not certain: a link that was made may be answered
    with an error.
    """
    temporary = temporary_beside(file)
    encoded = content.encode()
    try:
        with temporary.open("xb") as stream:
            write_all(stream, encoded, temporary)
        try:
            announce("create", file)
            os.link(temporary, file)
            return True
        except FileExistsError:
            return False
        except FileNotFoundError:
            raise
        except OSError:  # a disk without hard links
            return _create_exclusively(file, encoded)
    finally:
        discard(temporary)


def _create_exclusively(file: Path, content: bytes) -> bool:
    announce("create", file)
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_BINARY, 0o644)
    except FileExistsError:
        return False
    try:
        with os.fdopen(fd, "wb") as stream:
            write_all(stream, content, file)
    except OSError:
        discard(file)  # half a file would stand for all time where ours should
        raise
    return True


def remove(file: Path) -> None:
    """Remove a file; that it is gone already is fine."""
    announce("remove", file)
    file.unlink(missing_ok=True)


def discard(temporary: Path) -> None:
    """Remove a file that is not needed, if that can be done: what it is cleared up after is not to be hidden."""
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        pass  # `runlake gc` finds it by its name


def move(place: Path, target: Path) -> Path:
    """Give a file or folder another name, in one step. OSError when a folder of that name is in the way."""
    announce("move", place)
    return place.rename(target)


def make_folder(folder: Path) -> None:
    """Make a folder and those it lies in, unless they are there."""
    announce("make_folder", folder)
    folder.mkdir(parents=True, exist_ok=True)


def sync_file(file: Path) -> None:
    """Wait until the disk has the content of a file."""
    announce("sync", file)
    fd = os.open(file, os.O_RDONLY if os.name == "posix" else os.O_RDWR)  # Windows syncs only what may be written
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    if os.name != "posix":
        return  # folders cannot be opened there
    announce("sync", folder)
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# Files that grow --------------------------------------------------------------------------------------------


def create_to_append(file: Path, *, mode: int = 0o644) -> int:
    """A descriptor of a new file that grows at its end. FileExistsError when there is one: it is somebody else's."""
    announce("create", file)
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | _O_BINARY, mode)


def open_to_append(file: Path) -> int:
    """A descriptor of a file that grows at its end. FileNotFoundError when there is none."""
    return os.open(file, os.O_WRONLY | os.O_APPEND | _O_BINARY)


def writer_to(fd: int, file: Path) -> Callable[[bytes], int]:
    """What appends to a descriptor, and answers how many bytes were taken.

    One system call and nothing around it, as long as nobody watches: `log()` ends here.
    """
    if _watcher.get() is None:
        return functools.partial(os.write, fd)

    def write(data: bytes) -> int:
        taken = announce("write", file)
        return os.write(fd, data if taken is None else data[:taken])

    return write


def append_whole(write: Callable[[bytes], int], fd: int, data: bytes, end: int) -> None:
    """Append all of `data` to a file of `end` bytes, or nothing: what a full disk took of it is cut off again.

    For who is alone with the file. A process that dies in between leaves the beginning of `data`.
    """
    view = memoryview(data)
    try:
        while view:
            taken = write(view)  # type: ignore[arg-type]
            if not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view = view[taken:]
    except BaseException:
        os.ftruncate(fd, end)
        raise


# Locks ------------------------------------------------------------------------------------------------------


def lock_new(fd: int) -> None:
    """Lock a file that we made just now, as long as the descriptor is open: others see by it that we live.

    Without locks, on some network file systems and on Windows, they go by the time of the last write.
    """
    if fcntl is None:
        return
    for _ in range(_LOCK_ATTEMPTS):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.001)  # somebody is trying the lock at this moment, and lets go of it at once
        except OSError:
            return


def is_locked(file: Path) -> bool | None:
    """Whether another process has a file locked; None where that cannot be told, or there is no such file."""
    if fcntl is None:
        return None
    try:
        announce("lock", file)
        fd = os.open(file, os.O_RDONLY)
    except OSError:
        return None
    try:
        # A shared lock of ours is refused exactly while the other holds its exclusive one.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(fd)


def wait_for_lock(fd: int, file: Path) -> None:
    """Lock an open file as soon as nobody else has it locked; on Windows, go on without.

    OSError of a file system that has no locks: who can do without them catches it.
    """
    announce("lock", file)
    if fcntl is not None:
        fcntl.flock(fd, fcntl.LOCK_EX)


@contextmanager
def only_one(file: Path, *, is_waiting: bool) -> Iterator[bool]:
    """Whether no other process is within a block on the same lock file, which is made if need be.

    Waiting for the others, always. Where nothing can be locked it is yes as well: what must not happen twice is held by
    `create_once`, and a lock only spares work.
    """
    fd, is_only = -1, True
    if fcntl is not None:
        try:
            announce("lock", file)
            fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if is_waiting else fcntl.LOCK_NB))
        except BlockingIOError:
            is_only = False
        except OSError:
            pass  # what cannot be written says so when something is to be written
    try:
        yield is_only
    finally:
        if fd >= 0:
            os.close(fd)


# Reading ----------------------------------------------------------------------------------------------------


def list_names(folder: Path) -> list[str]:
    """The names in a folder; none where there is no folder."""
    announce("list", folder)
    try:
        return os.listdir(folder)  # noqa: PTH208, a hundred thousand Path objects are not wanted
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_whole(file: Path) -> bytes:
    """The content of a file. FileNotFoundError when there is none."""
    announce("read", file)
    return file.read_bytes()


# Files that are changed where they are ----------------------------------------------------------------------


def append_to(file: Path, data: bytes, end: int) -> None:
    """Append all of `data` to a file of `end` bytes, or nothing, as `append_whole` does it. FileNotFoundError."""
    fd = open_to_append(file)
    try:
        append_whole(writer_to(fd, file), fd, data, end)
    finally:
        os.close(fd)


def cut_off(file: Path, size_bytes: int) -> None:
    """Leave only the first bytes of a file."""
    announce("write", file)
    os.truncate(file, size_bytes)


def open_to_change(file: Path, *, mode: int | None = None) -> int:
    """A descriptor to read and to write with. FileNotFoundError without a file, unless `mode` says how to make one."""
    return os.open(file, os.O_RDWR | _O_BINARY | (0 if mode is None else os.O_CREAT), 0o644 if mode is None else mode)


def overwrite(file: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write over what a file holds, which is made if need be: for one process at a time, and what may be lost.

    In place: a new file under the old name costs milliseconds on ext4, which then waits for the disk.
    """
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | _O_BINARY, mode)
    try:
        write = writer_to(fd, file)
        view = memoryview(content)
        while view:
            taken = write(view)  # type: ignore[arg-type]
            if not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
            view = view[taken:]
        os.ftruncate(fd, len(content))
    finally:
        os.close(fd)


def touch(file: Path) -> None:
    """Set the times of a file to now. FileNotFoundError when there is none."""
    announce("touch", file)
    os.utime(file)


# Second names, whole trees ----------------------------------------------------------------------------------


def create_stream(file: Path) -> BinaryIO:
    """A stream into a new file. FileExistsError when there is one: it is somebody else's. The caller closes it."""
    announce("create", file)
    return file.open("xb")


def keep_under(file: Path, target: Path) -> None:
    """Give a file a second name, unless there is one of that name: what is appended to the one is in the other too.

    On a disk without hard links it is a copy. FileNotFoundError when the file is gone.
    """
    announce("link", target)
    try:
        os.link(file, target)
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise
    except OSError:  # a disk without hard links
        shutil.copy2(file, target)


# Files that are made once, by whoever is first ---------------------------------------------------


def make_subfolder(folder: Path) -> None:
    """Make a folder in one that is there. FileNotFoundError when that is gone: what was deleted must not come back."""
    announce("make_folder", folder)
    folder.mkdir(exist_ok=True)


def remove_present(file: Path) -> None:
    """Remove a file that should be there. FileNotFoundError when it is gone."""
    announce("remove", file)
    file.unlink()


def remove_empty_folder(folder: Path) -> None:
    """Remove a folder in which nothing is. OSError when something is, or it is gone."""
    announce("remove", folder)
    folder.rmdir()


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, no link followed. FileNotFoundError when it is gone."""
    announce("remove", folder)
    shutil.rmtree(folder)


def discard_tree(folder: Path) -> None:
    """The same for what is not needed, as far as it can be done."""
    announce("remove", folder)
    shutil.rmtree(folder, ignore_errors=True)


def set_modified_at(file: Path, modified_at_ns: int) -> None:
    """Say when a file was written last, in nanoseconds since 1970: a copy has the time of what it is a copy of."""
    announce("write", file)
    os.utime(file, ns=(modified_at_ns, modified_at_ns))


# Parts of a journal -----------------------------------------------------------------------------------------


class AppendedFile:
    """A new file that grows at its end, locked as long as it is open: others see by it that we live.

    FileExistsError when there is one: it is somebody else's.
    """

    def __init__(self, file: Path) -> None:
        self._fd = create_to_append(file)
        lock_new(self._fd)
        self.write = writer_to(self._fd, file)
        self._file = file

    def size_bytes(self) -> int:
        """How long the file is."""
        return os.fstat(self._fd).st_size

    def truncate(self, size_bytes: int) -> None:
        """Leave only the first bytes of the file."""
        announce("write", self._file)
        os.ftruncate(self._fd, size_bytes)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


def read_from(file: Path, offset: int, limit: int | None = None) -> bytes:
    """The bytes of a file from `offset` to its end, or at most `limit` of them. FileNotFoundError when it is gone."""
    announce("read", file)
    with file.open("rb", buffering=0) as stream:
        stream.seek(offset)
        return stream.read(-1 if limit is None else limit)


def sizes_in(folder: Path, suffix: str) -> list[tuple[str, int | None]]:
    """The files of a folder whose names end so, and their sizes in bytes; None for one that is gone since.

    In no order; none where there is no folder. Folders, and links that lead nowhere, are left out.
    """
    announce("list", folder)
    found: list[tuple[str, int | None]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.endswith(suffix):
                    try:
                        status = entry.stat()
                    except FileNotFoundError:
                        if not entry.is_symlink():
                            found.append((name, None))
                        continue
                    if not stat.S_ISDIR(status.st_mode):  # a pipe is refused by who opens it, and not overlooked
                        found.append((name, status.st_size))
    except FileNotFoundError:
        return []
    return found


def _are_alike(one: Path, other: Path) -> bool:
    import filecmp

    try:
        return filecmp.cmp(one, other, shallow=False)
    except FileNotFoundError:
        return False


@contextmanager
def creating(file: Path, named_by: Path | None = None) -> Iterator[Path]:
    """A name to write to, whose content is the file when the block ends, unless there is one: that stays as it is.

    It is synced before. For content that follows from the name: on a disk without hard links it replaces its equal.
    As long as the file `named_by` is not there, nobody has looked at this one, and one that differs is replaced: it was
    damaged since somebody who was killed has left it.
    """
    temporary = temporary_beside(file)
    try:
        announce("write", temporary)
        yield temporary
        sync_file(temporary)
        announce("create", file)
        try:
            os.link(temporary, file)
        except FileExistsError:
            if named_by is not None and not named_by.exists() and not _are_alike(temporary, file):
                announce("replace", file)
                temporary.replace(file)
        except OSError:  # a disk without hard links
            temporary.replace(file)
    finally:
        discard(temporary)
