"""The files of a folder as files of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from runlake.artifact_model import ManifestEntry
from runlake.importers.foreign import ForeignFile
from runlake.md5 import md5_of


def files_below(folder: Path, prefix: str, problems: list[str]) -> Iterator[ForeignFile]:
    """Each regular file at any depth, called `prefix` and its path; links are named in `problems`, and not followed."""
    for place, inner, names in os.walk(folder, onerror=lambda error: problems.append(str(error))):
        inner.sort()
        for name in [*inner, *sorted(names)]:
            file = Path(place, name)
            if file.is_symlink():
                problems.append(f"{file} is a link: it was not followed")
            elif file.is_file():
                yield ForeignFile(prefix + file.relative_to(folder).as_posix(), opener(file))


def entries_below(
    folder: Path, problems: list[str]
) -> tuple[tuple[ManifestEntry, ...], dict[str, Callable[[], BinaryIO]]]:
    """The files of a folder as the entries of an artifact, and how each is opened."""
    entries, files = [], {}
    for name, open_file, _ in files_below(folder, "", problems):
        with open_file() as content:
            digest = md5_of(content)
            size_bytes = content.seek(0, os.SEEK_END)
        entries.append(ManifestEntry(path=name, digest=digest, size_bytes=size_bytes))
        files[name] = open_file
    return tuple(entries), files


def opener(file: Path) -> Callable[[], BinaryIO]:
    """Opens a file for reading when it is called."""
    return partial(file.open, "rb")  # type: ignore[return-value, unused-ignore]
