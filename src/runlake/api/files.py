"""The files of a stored run: listed, read, downloaded, removed."""

from __future__ import annotations

import io
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import overload

from runlake.api.selection import near_matches
from runlake.clean_text import one_line
from runlake.errors import CommError, FileExistsLocallyError, NotFoundError
from runlake.md5 import md5_text, new_md5
from runlake.model import FileInfo, RunPath
from runlake.plain import iso_time
from runlake.service.contract import Service

_PIECE_BYTES = 1 << 20


class OpenedFile(io.TextIOWrapper):
    """A downloaded file, open for reading text; `.name` is its path and `.buffer` has its bytes.

    Bytes that are no UTF-8 read as replacement characters, so a binary file can be opened too. It closes itself in
    silence when it is dropped, as scripts that only want the file on disk do.
    """

    def __init__(self, path: str) -> None:
        super().__init__(open(path, "rb"), encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115

    def __del__(self) -> None:
        self.close()


class File:
    """One file of a stored run. `size` in bytes, `md5` base64, `updated_at` an ISO time in UTC."""

    def __init__(self, service: Service, path: RunPath, info: FileInfo) -> None:
        self._service = service
        self._path = path
        self._info = info

    @property
    def name(self) -> str:
        return self._info.name

    @property
    def id(self) -> str:
        return f"{self._path}/{self._info.name}"

    @property
    def size(self) -> int:
        return self._info.size_bytes

    @property
    def url(self) -> str:
        return self._info.url

    direct_url = url

    @property
    def mimetype(self) -> str:
        return self._info.mimetype

    @property
    def md5(self) -> str:
        return self._info.md5

    @property
    def updated_at(self) -> str:
        return iso_time(self._info.updated_at)

    def read(self) -> bytes:
        """The content, without writing it anywhere."""
        with self._service.open_file(self._path, self.name) as content:
            return content.read()

    def download(self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False) -> OpenedFile:
        """Copy the file to `root`, under its name, and return it open for reading text.

        The copy is checked by size and digest and appears in one step. Where a file of that name lies already it
        is replaced with `replace`, opened as it is with `exist_ok`, and otherwise a `FileExistsLocallyError`.
        `UnsafeNameError` for a name that leads out of `root`, or that programs obey (``.git/config``): `read` has the
        content.
        """
        from runlake.local_names import place_below

        target = place_below(Path(root), self.name)
        if target.exists() and not replace:
            if exist_ok:
                return OpenedFile(str(target))
            raise FileExistsLocallyError(
                f"{target} is there already; download(replace=True) overwrites it, download(exist_ok=True) opens it"
            )
        self._copy_to(target)
        return OpenedFile(str(target))

    def delete(self) -> None:
        """Remove the file from the store."""
        self._service.delete_file(self._path, self.name)

    def _copy_to(self, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part")
        digest, size_bytes = new_md5(), 0
        try:
            with draft.open("xb") as copy, self._service.open_file(self._path, self.name) as content:
                while piece := content.read(_PIECE_BYTES):
                    digest.update(piece)
                    size_bytes += len(piece)
                    copy.write(piece)
            self._check_copy(size_bytes, md5_text(digest))
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def _check_copy(self, size_bytes: int, md5: str) -> None:
        if (size_bytes, md5) == (self._info.size_bytes, self._info.md5):
            return
        for info in self._service.list_files(self._path, names=[self.name]):
            if info.name == self.name and (size_bytes, md5) == (info.size_bytes, info.md5):
                self._info = info  # it was replaced since it was listed
                return
        raise CommError(
            f"the copy of {self.name!r} of {self._path} has {size_bytes} bytes with md5 {md5}, and the store says "
            f"{self._info.size_bytes} bytes with md5 {self._info.md5}; it changed meanwhile or is damaged: try again"
        )

    def __repr__(self) -> str:
        return one_line(f"<File {self.name} ({self.mimetype}) {self.size:,} bytes>")


class Files(Sequence[File]):
    """Files of a run, by name; listed when first looked at."""

    def __init__(self, read: Callable[[], list[File]]) -> None:
        self._read = read
        self._files: list[File] | None = None

    def _all(self) -> list[File]:
        if self._files is None:
            self._files = self._read()
        return self._files

    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice) -> list[File]: ...
    def __getitem__(self, index: int | slice) -> File | list[File]:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[File]:
        return iter(self._all())

    def __repr__(self) -> str:
        return f"<Files {[file.name for file in self._all()]}>"


def find_files(service: Service, path: RunPath, names: Sequence[str] | None, pattern: str | None) -> list[File]:
    """The files called one of `names`, or like `pattern`; all when neither is given.

    In `pattern` ``%`` and ``*`` stand for any text, ``_`` and ``?`` for any character.
    """
    infos = service.list_files(path, names=names or None)
    if pattern is not None:
        like = re.compile(re.sub(r"[%*]|[_?]|[^%*_?]+", _pattern_part, pattern), re.DOTALL)
        infos = [info for info in infos if like.fullmatch(info.name)]
    return [File(service, path, info) for info in infos]


def find_file(service: Service, path: RunPath, name: str) -> File:
    """The file of this name; `NotFoundError`, which is a `CommError`, names those that are like it."""
    for info in service.list_files(path, names=[name]):
        return File(service, path, info)
    known = [info.name for info in service.list_files(path)]
    alike = near_matches(name, known)
    hint = f"did you mean {alike[0]!r}?" if alike else f"it has: {', '.join(known[:10]) or 'no files'}"
    raise NotFoundError(f"no file {name!r} in {path} ({len(known)} files); {hint}")


def _pattern_part(match: re.Match[str]) -> str:
    text = match[0]
    return ".*" if text in "%*" else "." if text in "_?" else re.escape(text)
