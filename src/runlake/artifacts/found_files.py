"""Which files are in a folder, and what each is called in an artifact."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from runlake.artifacts.names import inner_name


class FoundFile(NamedTuple):
    """A file that is to be added under the name `inner`; `status` is what the disk says of it, None of a link."""

    place: str
    inner: str
    size_bytes: int
    status: os.stat_result | None


def found_file(file: Path, inner: str) -> FoundFile | None:
    """One file; None where there is none."""
    return _found(os.path.abspath(file), inner)  # noqa: PTH100


def find_files(folder: Path, below: str | None) -> list[FoundFile]:
    """The files of a folder in the order of their names, in an artifact `below` a folder of that name.

    Links to files count as files; links to folders are not followed.
    """
    top = os.path.abspath(folder)  # noqa: PTH100
    prefix = f"{inner_name(below)}/" if below and PurePosixPath(below).parts else ""
    found = []
    for place, _, names in os.walk(top):
        start = prefix if place == top else f"{prefix}{os.path.relpath(place, top).replace(os.sep, '/')}/"
        for name in names:
            inner = start + name
            one = _found(f"{place}{os.sep}{name}", inner_name(inner) if "\\" in inner else inner)
            if one is not None:
                found.append(one)
    return sorted(found, key=lambda file: file.inner.split("/"))


def _found(place: str, inner: str) -> FoundFile | None:
    try:
        status = os.lstat(place)
        if stat.S_ISREG(status.st_mode):
            return FoundFile(place, inner, status.st_size, status)
        if stat.S_ISLNK(status.st_mode):
            status = os.stat(place)  # noqa: PTH116
            if stat.S_ISREG(status.st_mode):
                return FoundFile(place, inner, status.st_size, None)
    except OSError:
        pass
    return None
