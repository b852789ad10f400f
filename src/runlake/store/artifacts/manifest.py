"""What a version is made of, as bytes: a line of JSON for each entry, in the order of the paths; pure.

The first line says the format. So a manifest can be read by lines, two can be compared by lines, and a shell takes an
artifact apart (`docs/guide/storage-format/artifacts.md`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from runlake.artifact_model import ContentInfo, ManifestEntry
from runlake.errors import BadValueError, CorruptError, NewerFormatError, NotFoundError
from runlake.ready import ready
from runlake.store.artifacts.names import check_entry_path, check_sha256
from runlake.store.artifacts.proof import prove_count, prove_plain
from runlake.values import I64_MAX

FORMAT = 1
_MAX_NAMED = 5

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ManifestEntry)


class _Head(msgspec.Struct):
    format: int


class _Named(msgspec.Struct, gc=False):
    sha256: str | None = None


_named_decoder = msgspec.json.Decoder(_Named)


def encode_entries(entries: Iterable[ManifestEntry]) -> bytes:
    """Entries that are on their way to a manifest, a line each."""
    return _encoder.encode_lines(entries)


def decode_entries(lines: bytes) -> list[ManifestEntry]:
    """The inverse of `encode_entries`; BadValueError for lines that are none. What they say is proven by a commit."""
    try:
        return _decoder.decode_lines(lines)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadValueError(f"this is no manifest of an artifact: {error}") from None


def encode_manifest(entries: Iterable[ManifestEntry]) -> bytes:
    """The bytes of a manifest whose entries are in their order."""
    head = _encoder.encode(_Head(FORMAT)) + b"\n"
    return head + encode_entries(entries)


def decode_manifest(content: bytes, name: str) -> list[ManifestEntry]:
    """The entries in the order of their paths; `CorruptError` for bytes that are none. `name` is for the message."""
    lines = _lines_of(content, name)
    try:
        entries = _decoder.decode_lines(lines)
        _prove(entries)
        return entries
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CorruptError(f"{name} cannot be read ({error}); restore it from a backup") from None


def contents_in(content: bytes, name: str) -> Iterator[str]:
    """The SHA-256 of each file of a manifest; the same errors. What else it says is not looked at."""
    lines = _lines_of(content, name)
    try:
        found = _named_decoder.decode_lines(lines)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CorruptError(f"{name} cannot be read ({error}); restore it from a backup") from None
    return (entry.sha256 for entry in found if entry.sha256 is not None)


def _lines_of(content: bytes, name: str) -> bytes:
    """What follows the head of a manifest that can be read."""
    head, _, lines = content.partition(b"\n")
    try:
        found = msgspec.json.decode(head, type=ready(_Head))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CorruptError(f"{name} cannot be read ({error}); restore it from a backup") from None
    if found.format > FORMAT:
        raise NewerFormatError(f"{name} has format {found.format}, and this runlake reads {FORMAT}; upgrade it")
    if content[-1:] != b"\n":
        raise CorruptError(f"{name} cannot be read (its end is missing); restore it from a backup")
    return lines


def _prove(entries: Sequence[ManifestEntry]) -> None:
    """BadValueError for entries that nobody commits."""
    before = ""
    for entry in entries:
        path, sha256 = entry.path, entry.sha256
        check_entry_path(path)
        if path <= before:
            raise BadValueError(f"{path!r} is not behind {before!r} in the order of the names")
        if not 0 <= entry.size_bytes <= I64_MAX:
            prove_count(f"the size of {path!r}", entry.size_bytes)
        if sha256 is not None:
            check_sha256(sha256)
        elif entry.ref is None:
            raise BadValueError(f"{path!r} says neither which bytes it has nor where they are")
        before = path


def complete_manifest(entries: Sequence[ManifestEntry], known: dict[str, ContentInfo]) -> list[ManifestEntry]:
    """The entries in the order of their paths, each file with the content that is `known` by its digest.

    What an entry says of the SHA-256 itself is no proof that who says it may read those bytes. `PathError` for names
    that leave the artifact, `BadValueError` for names that clash, `NotFoundError` for contents that nobody put.
    """
    completed, missing = [], []
    for entry in entries:
        check_entry_path(entry.path)
        if entry.extra:
            prove_plain(f"what is said of {entry.path!r}", entry.extra)
        if entry.ref is not None:
            prove_count(f"the size of {entry.path!r}", entry.size_bytes)
            completed.append(msgspec.structs.replace(entry, sha256=None))
            continue
        content = known.get(entry.digest)
        if content is None or entry.sha256 not in (None, content.sha256):
            missing.append(entry.path)
            continue
        completed.append(msgspec.structs.replace(entry, sha256=content.sha256, size_bytes=content.size_bytes))
    if missing:
        raise missing_content(missing)
    completed.sort(key=lambda entry: entry.path)
    check_clashes(completed)
    return completed


def missing_content(paths: Sequence[str]) -> NotFoundError:
    """What to raise for files whose bytes are not in the store."""
    more = f" and {len(paths) - _MAX_NAMED:,} more" if len(paths) > _MAX_NAMED else ""
    listed = ", ".join(map(repr, paths[:_MAX_NAMED]))
    return NotFoundError(f"the bytes of {listed}{more} are not in the store; put them, and commit again")


def check_clashes(entries: Sequence[ManifestEntry]) -> None:
    """`BadValueError` for two files of one name, and for a file where a folder is; in the order of the paths."""
    names = {entry.path for entry in entries}
    if len(names) < len(entries):
        twice = next(one.path for one, other in itertools.pairwise(entries) if one.path == other.path)
        raise BadValueError(f"the artifact has two files called {twice!r}; give one of them another name")
    for name in names:
        folder = name
        while folder := folder.rpartition("/")[0]:
            if folder in names:
                raise BadValueError(f"the artifact has a file {folder!r} and a folder of that name; rename one of them")
