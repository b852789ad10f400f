"""What a version is made of, as bytes: a line of JSON for each entry, in the order of the paths; pure.

The first line says the format. So a manifest can be read by lines, two can be compared by lines, and a shell takes an
artifact apart (`docs/guide/storage-format/artifacts.md`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import msgspec

from runlake.artifact_model import ContentInfo, ManifestEntry
from runlake.errors import BadValueError, CorruptError, NewerFormatError, NotFoundError
from runlake.store.artifacts.names import check_entry_path

FORMAT = 1
_MAX_NAMED = 5

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ManifestEntry)


class _Head(msgspec.Struct):
    format: int


def encode_manifest(entries: Iterable[ManifestEntry]) -> bytes:
    """The bytes of a manifest whose entries are in their order."""
    head = _encoder.encode(_Head(FORMAT)) + b"\n"
    return head + _encoder.encode_lines(entries)


def decode_manifest(content: bytes, name: str) -> list[ManifestEntry]:
    """The entries in the order of their paths; `CorruptError` for bytes that are none. `name` is for the message."""
    head, _, lines = content.partition(b"\n")
    try:
        found = msgspec.json.decode(head, type=_Head)
        if found.format > FORMAT:
            raise NewerFormatError(f"{name} has format {found.format}, and this runlake reads {FORMAT}; upgrade it")
        if content[-1:] != b"\n":
            raise ValueError("its end is missing")
        entries = _decoder.decode_lines(lines)
        for entry in entries:
            check_entry_path(entry.path)
        return entries
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CorruptError(f"{name} cannot be read ({error}); restore it from a backup") from None


def complete_manifest(entries: Sequence[ManifestEntry], known: dict[str, ContentInfo]) -> list[ManifestEntry]:
    """The entries in the order of their paths, each file with its content: its own, or that `known` by its digest.

    `PathError` for names that leave the artifact, `BadValueError` for names that clash, `NotFoundError` for contents
    that nobody put.
    """
    completed, missing = [], []
    for entry in entries:
        check_entry_path(entry.path)
        if entry.ref is None and entry.sha256 is None:
            content = known.get(entry.digest)
            if content is None:
                missing.append(entry.path)
                continue
            entry = msgspec.structs.replace(entry, sha256=content.sha256, size_bytes=content.size_bytes)
        completed.append(entry)
    if missing:
        raise missing_content(missing)
    completed.sort(key=lambda entry: entry.path)
    _check_clashes(completed)
    return completed


def missing_content(paths: Sequence[str]) -> NotFoundError:
    """What to raise for files whose bytes are not in the store."""
    more = f" and {len(paths) - _MAX_NAMED:,} more" if len(paths) > _MAX_NAMED else ""
    listed = ", ".join(map(repr, paths[:_MAX_NAMED]))
    return NotFoundError(f"the bytes of {listed}{more} are not in the store; put them, and commit again")


def _check_clashes(entries: Sequence[ManifestEntry]) -> None:
    names = {entry.path for entry in entries}
    if len(names) < len(entries):
        twice = next(one.path for one, other in itertools.pairwise(entries) if one.path == other.path)
        raise BadValueError(f"the artifact has two files called {twice!r}; give one of them another name")
    for name in names:
        folder = name
        while folder := folder.rpartition("/")[0]:
            if folder in names:
                raise BadValueError(f"the artifact has a file {folder!r} and a folder of that name; rename one of them")
