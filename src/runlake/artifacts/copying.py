"""Copies of files on one machine, as cheap as the file system has them: shared blocks, else a copy by the kernel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_FICLONE = 0x40049409
_PIECE_BYTES = 1 << 20
_BY_KERNEL_BYTES = 64 << 20


def share_blocks(source: BinaryIO, target: BinaryIO) -> bool:
    """Whether the target has the content of the source from now on, without a byte of it being copied.

    Both see only their own changes afterwards. Btrfs, XFS and the like can do it, within one file system.
    """
    if fcntl is None:
        return False
    try:
        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    return True


def copy_content(source: BinaryIO, target: BinaryIO) -> None:
    """Copy a file of this machine, from its beginning, into an empty one."""
    if share_blocks(source, target) or _copied_by_kernel(source, target):
        return
    source.seek(0)
    target.seek(0)
    target.truncate()
    while piece := source.read(_PIECE_BYTES):
        target.write(piece)


def _copied_by_kernel(source: BinaryIO, target: BinaryIO) -> bool:
    if not hasattr(os, "copy_file_range"):
        return False
    place = 0
    try:
        while count := os.copy_file_range(source.fileno(), target.fileno(), _BY_KERNEL_BYTES, place, place):
            place += count
    except OSError:  # another file system, where the kernel cannot
        return False
    return place == os.fstat(source.fileno()).st_size


def path_on_this_machine(stream: BinaryIO) -> Path | None:
    """The path of a stream that is an ordinary file; None of another."""
    name = getattr(stream, "name", None)
    try:
        stream.fileno()
    except (OSError, AttributeError):
        return None
    return Path(name) if isinstance(name, str | os.PathLike) else None
