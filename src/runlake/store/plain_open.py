"""Files in folders that others wrote, opened without following a link on the way.

What lies in a store is folders and regular files. A link among them leads to something that is not the store's, and a
pipe or a device lets a reader wait for ever; so both are refused. Where the system can, each folder is opened from the
one above it, so that nobody exchanges one for a link between the look and the opening.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from runlake.errors import StoreError

_CAN_WALK = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")
_IS_LINK = frozenset({errno.ELOOP, errno.EMLINK, errno.ENOTDIR})


def open_plain(root: Path, file: Path) -> BufferedReader:
    """A regular file below `root`, for reading; `root` itself may be reached through links.

    StoreError when it, or a folder on the way to it, is a link, or it is no regular file.
    """
    parts = file.relative_to(root).parts
    if not parts or ".." in parts:
        raise StoreError(f"{file} is no file below {root}")
    fd = _walk(root, parts, file) if _CAN_WALK else _open_checked(root, parts, file)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise StoreError(f"{file} is no regular file; remove it from the store")
        return os.fdopen(fd, "rb")
    except BaseException:
        os.close(fd)
        raise


def read_plain(root: Path, file: Path, limit_bytes: int = -1) -> bytes:
    """The bytes of such a file, or its first `limit_bytes`."""
    with open_plain(root, file) as content:
        return content.read(limit_bytes)


def check_plain(root: Path, *places: Path) -> None:
    """StoreError when one of the places below `root`, or a folder on the way, is a link. What is missing is fine."""
    for place in places:
        step = root
        for part in place.relative_to(root).parts:
            step = step / part
            if step.is_symlink():
                raise link_error(step)


def check_plain_tree(folder: Path) -> None:
    """StoreError when anything below a folder is neither a folder nor a regular file. A missing one is fine."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            check_plain_tree(Path(entry.path))
        elif not entry.is_file(follow_symlinks=False):
            raise link_error(Path(entry.path))


def link_error(place: Path) -> StoreError:
    """What to raise where a link was met."""
    return StoreError(
        f"{place} is a link, or neither a file nor a folder: another store is read without following links, "
        "since they lead to what is not its own; put there what it leads to"
    )


def _walk(root: Path, parts: tuple[str, ...], file: Path) -> int:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
            os.close(fd)
            fd = below
        # Without waiting: opening a pipe would otherwise wait for somebody who writes into it.
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=fd)
    except OSError as error:
        if error.errno in _IS_LINK:
            raise link_error(file) from None
        raise
    finally:
        os.close(fd)


def _open_checked(root: Path, parts: tuple[str, ...], file: Path) -> int:
    check_plain(root, file)
    return os.open(root.joinpath(*parts), os.O_RDONLY | getattr(os, "O_BINARY", 0))
