"""The files of runs: media, models, what `save()` stored. What holds for them wherever they are kept.

`store.folder_files` keeps them in the folders of a store, `store.memory_files` in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, Protocol

from runlake.errors import NotFoundError, PathError
from runlake.model import FileInfo, RunPath
from runlake.near import near_names
from runlake.store.layout import check_file_name

if TYPE_CHECKING:
    from runlake.incoming import Incoming


def nothing_to_do() -> None:
    """What is called when a file is kept, where nobody wants to know."""


class Files(Protocol):
    """The files of all runs of one store. Threads may share it.

    A name is a relative path with ``/`` between its parts, in any form that `layout.check_file_name` takes (``./a//b``
    is ``a/b``); PathError for one that leaves the run. Of a name there is a file or a folder, not both.

    A file is there whole or not at all. Who has it open while it is replaced or deleted reads the old one to its end;
    who opens it then has the old one or the new one. `FileInfo.md5` is that of the bytes that are there, also when
    somebody changed them without asking us. Nothing is synced to disk: a power failure may take the newest files.
    """

    def list_files(
        self, path: RunPath, *, names: Iterable[str] | None = None, after: str = "", limit: int | None = None
    ) -> list[FileInfo]:
        """The files of the run by name; empty for a run without files, and for one that is not there.

        With `names`, those of them that are there; else those behind the name `after`, at most `limit`. A page of a
        very long list costs what the page does, as far as the place can do that.
        """
        ...

    def count_files(self, path: RunPath) -> int:
        """How many `list_files` has."""
        ...

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        """The bytes of one file, for reading; NotFoundError when it is not there. The caller closes it."""
        ...

    def signed_url(self, path: RunPath, name: str, *, valid_s: float) -> str | None:
        """An address from which whoever has it fetches this one file, as it is now, for so long, without asking us.

        None where files are not kept in a place that can be asked. NotFoundError as for `open_file` where they are.
        """
        ...

    def receive_file(self, path: RunPath, name: str, on_kept: Callable[[], None] = nothing_to_do) -> Incoming[FileInfo]:
        """A file that is to have this name, in the place of the one that has it. `on_kept` is called when it does.

        NotFoundError when there is no such run; PathError when a file stands where one of its folders should be.
        """
        ...

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        """The same of a file that is all there; a source that fails leaves the file as it was."""
        ...

    def delete_file(self, path: RunPath, name: str) -> None:
        """Remove one file, and the folders that are empty then; NotFoundError when it is not there."""
        ...


def names_of_files(names: Iterable[str]) -> Iterator[str]:
    """Those that a file may have, in their normal form, each once."""
    found = set()
    for name in names:
        try:
            found.add(check_file_name(name))
        except PathError:
            continue  # no file has such a name
    return iter(sorted(found))


def mimetype_of(name: str) -> str:
    """What a file is, as far as its name says."""
    import mimetypes

    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def no_such_file(path: RunPath, name: str, names: Sequence[str]) -> NotFoundError:
    """What to raise for a name that none of the run's files has; `names` are those that they have."""
    near = near_names(name, names)
    advice = f"did you mean {' or '.join(map(repr, near))}?" if near else f"see: runlake show {path}"
    return NotFoundError(f"run {path} has no file {name!r} ({len(names)} files); {advice}")


def no_such_run(path: RunPath, name: str) -> NotFoundError:
    """What to raise for a file of a run that is not there."""
    return NotFoundError(f"cannot store {name!r}: there is no run {path}; was it deleted just now?")


def file_in_the_way(name: str) -> PathError:
    """What to raise where one of the folders that a name leads through is a file."""
    return PathError(f"cannot store {name!r}: one of its folders is a file of the run; choose another name")


def folder_in_the_way(name: str) -> PathError:
    """What to raise where a folder has the name of a file to be."""
    return PathError(f"cannot store {name!r}: there is a folder of that name; choose another name")
