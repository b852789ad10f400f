"""One file of the source as a file of the export."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from runlake.bulk.manifest import FileEntry
from runlake.bulk.target import Target, copy_stream
from runlake.bulk.unreadable import UnreadableError, opened
from runlake.local_names import why_refused
from runlake.md5 import md5_text, new_md5


def copy_file(
    target: Target,
    open_source: Callable[[], BinaryIO],
    path: str,
    *,
    name: str,
    kind: str,
    md5: str,
    other_bytes: str,
) -> FileEntry | str:
    """Copy a file to `path`; where it is left out, why. `other_bytes` says that of one that has another `md5`."""
    why = why_refused(name)
    if why is not None:
        return f"the file {name!r} is left out: {why}"
    found = new_md5()
    try:
        with opened(open_source, f"the file {name!r}") as source, target.writing(path) as file:
            copy_stream(source, file, found)
    except UnreadableError as error:
        return str(error)
    if md5_text(found) != md5:
        target.clear(path)
        return f"the file {name!r} is left out: {other_bytes}"
    return FileEntry(path=path, kind=kind, size_bytes=file.size_bytes, sha256=file.sha256(), name=name, md5=md5)
