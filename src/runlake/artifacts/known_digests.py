"""What files held when they were read before, for as long as nothing can have changed them unseen.

A file that has the same device, inode, size, time of writing and time of change (ctime) as before it was read holds the
same, since all of this is so:

- No program sets a time of change. It was in the past already when the reading began, by more than the clock of a file
  system is coarse: a change since then has made it another.
- Nobody had the file open for writing, or mapped so that it can be written, when the reading began: what a mapping that
  was there before stores shows in no time. A lease, which the system refuses where there is a writer, says so; only the
  owner of a file gets one.
- The file is on ext4 or XFS, which keep such times also for new mappings, and reached by its own name.
- The machine was not started anew: after a crash bytes may be on the disk, and their time not.

What is noted lies in the user's cache, a file for each folder of which files were added. One that is damaged, of
another start, of another machine, or somebody else's counts as nothing, and files are read.
"""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

import msgspec

from runlake.artifact_model import ContentInfo
from runlake.ready import ready
from runlake.store.disk import discard, replace_file

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FileState = tuple[int, int, int, int, int]
"""Device, inode, size in bytes, times of writing and of change in nanoseconds."""

COARSE_NS = 100_000_000
"""Ten ticks of the slowest clock by which file systems give times."""

_FORMAT = 1
_FILE_SYSTEMS = frozenset({"ext4", "ext3", "xfs"})
_F_SETSIG = 10
_KEPT_COUNT = 200_000
_KEPT_FOLDERS = 500
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MOUNTS = Path("/proc/self/mountinfo")


class _Head(msgspec.Struct):
    format: int
    boot_id: str
    sha256: str
    """Of all that follows the first line."""


class _Noted(msgspec.Struct, array_like=True, frozen=True, gc=False):
    state: FileState
    sha256: str
    digest: str


_decoder = msgspec.json.Decoder(_Noted)


def state_of(status: os.stat_result) -> FileState:
    """What of a file must be the same."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class KnownDigests:
    """What is known of the files of one folder. Without a `file` to keep it in nothing is; threads may share it."""

    def __init__(self, file: Path | None = None, *, boot_id: str = "", devices: frozenset[int] = frozenset()) -> None:
        self._file, self._boot_id = file, boot_id
        self._devices = devices if file is not None and fcntl is not None else frozenset[int]()
        self._noted: dict[tuple[int, int], _Noted] | None = None
        self._folder_devices: dict[str, int] = {}
        self._is_changed = False

    def find(self, file: str, status: os.stat_result | None) -> ContentInfo | None:
        """What a file holds, without reading it; None where that is not certain. `status` is the file's own."""
        if status is None or not self._keeps_times(file, status):
            return None
        if self._noted is None:
            self._noted = self._read()
        noted = self._noted.get((status.st_dev, status.st_ino))
        if noted is None or noted.state != state_of(status):
            return None
        return ContentInfo(sha256=noted.sha256, digest=noted.digest, size_bytes=status.st_size)

    def settled(self, file: str, fd: int) -> FileState | None:
        """Before a file is read: what to `note` with its digest; None where a change could pass unseen."""
        if not self._devices:
            return None
        status = os.fstat(fd)
        changed_ns = status.st_ctime_ns
        is_racy = changed_ns >= time.time_ns() - COARSE_NS or changed_ns % 1_000_000_000 == 0  # a clock of seconds
        if is_racy or not self._keeps_times(file, status) or os.path.islink(file) or not _has_no_writer(fd):  # noqa: PTH114
            return None
        return state_of(status)

    def note(self, state: FileState | None, content: ContentInfo) -> None:
        """Remember what was read of a file that was settled."""
        if state is None or state[2] != content.size_bytes:
            return
        if self._noted is None:
            self._noted = self._read()
        self._noted[state[:2]] = _Noted(state, content.sha256, content.digest)
        self._is_changed = True

    def save(self) -> None:
        """Keep what was noted; a disk that refuses costs a reading."""
        if not self._is_changed or self._file is None or self._noted is None:
            return
        self._is_changed = False
        lines = msgspec.json.Encoder().encode_lines(list(self._noted.values())[-_KEPT_COUNT:])
        head = msgspec.json.encode(_Head(_FORMAT, self._boot_id, hashlib.sha256(lines).hexdigest()))
        try:
            if not self._file.exists():
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _make_room(self._file.parent)
            replace_file(self._file, head + b"\n" + lines)
        except OSError:
            pass

    def _keeps_times(self, file: str, status: os.stat_result) -> bool:
        if status.st_dev not in self._devices or not stat.S_ISREG(status.st_mode):
            return False
        folder = file[: file.rfind("/") + 1] or "."
        device = self._folder_devices.get(folder)
        if device is None:
            # Layered file systems say of a file on which disk it is, and have folders of their own.
            device = self._folder_devices[folder] = os.stat(folder).st_dev  # noqa: PTH116
        return device == status.st_dev

    def _read(self) -> dict[tuple[int, int], _Noted]:
        assert self._file is not None, "without a file nothing is asked for"
        try:
            with self._file.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_uid != os.getuid() or status.st_mode & 0o022:
                    return {}
                head, _, lines = stream.read().partition(b"\n")
            said = msgspec.json.decode(head, type=ready(_Head))
            if (said.format, said.boot_id, said.sha256) != (_FORMAT, self._boot_id, hashlib.sha256(lines).hexdigest()):
                return {}
            return {noted.state[:2]: noted for noted in _decoder.decode_lines(lines)}
        except (OSError, ValueError):
            return {}

    def __reduce__(self) -> tuple[Any, ...]:
        return KnownDigests, ()  # a copy elsewhere reads files


def open_known_digests(
    cache_folder: Path, folder: str, *, boot_id: Path = _BOOT_ID, mounts: Path = _MOUNTS
) -> KnownDigests:
    """What is known of the files that were added from below a folder, on this machine since it was started."""
    try:
        started = boot_id.read_text().strip()
        devices = _devices_with_times(mounts.read_text("utf-8", "surrogateescape"))
    except OSError:
        return KnownDigests()  # no Linux
    if not started:
        return KnownDigests()
    name = hashlib.sha256(f"{started}\n{os.path.realpath(folder)}".encode("utf-8", "surrogateescape")).hexdigest()
    return KnownDigests(cache_folder / f"{name}.jsonl", boot_id=started, devices=devices)


def _devices_with_times(mounts: str) -> frozenset[int]:
    """The devices whose file systems give each change a time, also one that is made through a mapping."""
    found = set()
    for line in mounts.splitlines():
        mount, _, source = line.partition(" - ")
        if source.partition(" ")[0] in _FILE_SYSTEMS:
            major, _, minor = mount.split()[2].partition(":")
            found.add(os.makedev(int(major), int(minor)))
    return frozenset(found)


def _has_no_writer(fd: int) -> bool:
    """Whether nobody has a file open for writing, or mapped so; False also where that is not told to us."""
    try:
        # Should somebody open it in between, the signal is one that stops nobody: SIGIO, the usual one, would.
        fcntl.fcntl(fd, _F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (OSError, AttributeError):
        return False
    return True


def _make_room(folder: Path) -> None:
    """Remove what was written longest ago, where much is kept."""
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for file in files[: max(0, len(files) - _KEPT_FOLDERS + 1)]:
        discard(file)
