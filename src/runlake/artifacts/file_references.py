"""References to files and folders of this machine: ``file:///data/images``."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from runlake.artifacts.copying import copy_content
from runlake.artifacts.entry import Entry
from runlake.artifacts.names import inner_name
from runlake.artifacts.places import changed, gone
from runlake.artifacts.side_by_side import side_by_side
from runlake.artifacts.staging import digest_file
from runlake.errors import BadValueError


class FilePlace:
    """The disk of this machine. With `checksum` a file is noted by its content, else by its address."""

    def look_at(self, address: str, inner: str | None, *, checksum: bool, max_objects: int) -> list[Entry]:
        path = path_of(address)
        if path.is_dir():
            files = [file for file in sorted(path.rglob("*")) if file.is_file()]
            if len(files) > max_objects:
                raise BadValueError(
                    f"add_reference: {address} holds {len(files):,} files, more than max_objects={max_objects:,}; "
                    "pass a higher max_objects"
                )
            before = f"{inner}/" if inner else ""
            named = [(file, f"{before}{file.relative_to(path).as_posix()}") for file in files]
        elif path.is_file():
            named = [(path, inner or inner_name(path.name))]
        elif checksum:
            raise BadValueError(f"add_reference: nothing is at {address}; pass checksum=False to note it all the same")
        else:
            return [Entry(inner or inner_name(path.name), digest=address, ref=address, size=0)]
        return side_by_side(lambda one: _entry_of(*one, checksum=checksum), named)

    def fetch(self, entry: Entry, target: Path) -> None:
        source = path_of(entry.ref_target())
        if not source.is_file():
            raise gone(entry)
        if entry.digest != entry.ref and (found := digest_file(source).digest) != entry.digest:
            raise changed(entry, found)
        if target.exists() and target.samefile(source):
            return
        draft = target.with_name(f".{target.name[:60]}.part")
        try:
            with source.open("rb") as content, draft.open("wb") as copy:
                copy_content(content, copy)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


def path_of(address: str) -> Path:
    """The path that a ``file://`` address names."""
    return Path(unquote(urlsplit(address).path))


def _entry_of(file: Path, inner: str, *, checksum: bool) -> Entry:
    address = file.absolute().as_uri()
    digest = digest_file(file).digest if checksum else address
    return Entry(inner, digest=digest, ref=address, size=file.stat().st_size)
