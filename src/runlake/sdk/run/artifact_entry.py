"""One file of an artifact, or a reference; and how both are called inside it."""

from __future__ import annotations

import base64
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from runlake.errors import BadValueError, NotFoundError


@dataclass
class Entry:
    """One file of an artifact, or with `ref` a reference to something that lies elsewhere."""

    path: str
    local_path: str | None = None
    ref: str | None = None

    @property
    def name(self) -> str:
        return self.path

    @property
    def size(self) -> int:
        return 0 if self.local_path is None else Path(self.local_path).stat().st_size

    @property
    def digest(self) -> str:
        """The MD5 of the content in base64; of a reference its address."""
        if self.local_path is None:
            return self.ref or ""
        with open(self.local_path, "rb") as file:  # noqa: PTH123 (as hashlib wants it)
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        return base64.b64encode(digest.digest()).decode()

    def ref_target(self) -> str:
        """Where a reference leads; `BadValueError` for a file."""
        if self.ref is None:
            raise BadValueError(f"{self.path!r} is a file of the artifact, and no reference")
        return self.ref

    ref_url = ref_target

    def download(self, root: str | Path | None = None, **options: Any) -> str:
        """Copy the file below `root`, by default the current folder, and answer where it lies.

        `UnsafeNameError` for a name that leads out of it, or that programs obey.
        """
        source = self.local_path or local_path_of(self.ref or "")
        if source is None:
            raise NotFoundError(
                f"{self.path!r} is a reference to {self.ref!r}: get it there with the tools of that place"
            )
        from runlake.local_names import place_below

        target = place_below(Path(root or "."), self.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (target.exists() and target.samefile(source)):
            shutil.copyfile(source, target)
        return str(target)


class Manifest(NamedTuple):
    """What an artifact is made of."""

    entries: dict[str, Entry]


def inner_name(name: str) -> str:
    """A name inside an artifact in its normal form; `BadValueError` for one that leaves it."""
    path = PurePosixPath(name.replace("\\", "/"))
    parts = [part for part in path.parts if part not in ("/", ".")]
    if not parts or ".." in parts:
        raise BadValueError(f"{name!r} cannot be the name of a file in an artifact; use one like a/b.txt")
    return "/".join(parts)


def local_path_of(address: str) -> str | None:
    """The path of a ``file://`` address, where a file lies there."""
    parts = urlsplit(address)
    path = unquote(parts.path)
    return path if parts.scheme == "file" and Path(path).is_file() else None
