"""Names that stand in files of a store, proven before any of them becomes a path. Pure.

Whoever can write a file into a store can write any text where a name belongs, with a checksum that is right. So no such
name is joined to a path because it looks harmless: it has the one form that runlake itself gives it, or the file that
says it is damaged (`CorruptError`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from runlake.errors import CorruptError
from runlake.model import STREAMS, Stream

_SEGMENT = re.compile(r"[0-9a-f]{24}")
_SHARED = "../../../merged/"
_ONE_PART = re.compile(r"(?!\.)[^/\\:\x00-\x1f\x7f]{1,255}")
_STREAM = "|".join(STREAMS)
_PLACE = (
    rf"segments/[0-9a-f]{{24}}(\.meta|-({_STREAM})(\.series)?\.parquet)"
    rf"|\.\./\.\./merged/[0-9a-f]{{24}}-({_STREAM})(\.series)?\.parquet"
    r"|journal/(?!\.)[^/\\:\x00-\x1f\x7f]+"
    r"|files/(?:(?!\.\.?(?:/|$))[^/\x00]+/)*(?!\.\.?$)[^/\x00]+"
)
"""Compiled when it is first asked for: none but merges do, and every process that reads pays for what is not."""


def is_one_part(name: object) -> bool:
    """Whether a name can stand for one file or folder, and lead nowhere else: writers, lives of runs."""
    return isinstance(name, str) and _ONE_PART.fullmatch(name) is not None


def is_place_of_a_run(place: str) -> bool:
    """Whether a path from a run's folder is one where a merge may put a file."""
    return re.fullmatch(_PLACE, place) is not None


def check_segment(
    file_name: str,
    name: str,
    files: Mapping[Stream, str],
    supersedes: Iterable[str],
    covers: Iterable[tuple[str, int]],
    incarnation: str,
) -> None:
    """The names in the meta file of this name; CorruptError for one that is not as a sealer gives them."""
    if file_name.removesuffix(".meta") != name:
        raise _foreign(file_name, name)
    for stream, file in files.items():
        shared = file.removeprefix(_SHARED)
        is_own = file == f"{name}-{stream}.parquet"
        is_shared = shared != file and _is_segment(shared.removesuffix(f"-{stream}.parquet"))
        if stream not in STREAMS or not (is_own or (is_shared and shared.endswith(f"-{stream}.parquet"))):
            raise _foreign(file_name, file)
    for other in (name, *supersedes):
        if not _is_segment(other):
            raise _foreign(file_name, other)
    for writer in {writer for writer, _ in covers}:
        if not is_one_part(writer):
            raise _foreign(file_name, writer)
    if incarnation and not is_one_part(incarnation):
        raise _foreign(file_name, incarnation)


def check_pack_list(
    file_name: str, name: str, files: Mapping[Stream, str], segments: Iterable[str], suffix: str
) -> None:
    """The names in the list of a merged file, which is called after it. CorruptError for any other."""
    if not _is_segment(name) or file_name != f"{name}{suffix}":
        raise _foreign(file_name, name)
    for stream, file in files.items():
        if stream not in STREAMS or file != f"{name}-{stream}.parquet":
            raise _foreign(file_name, file)
    for segment in segments:
        if not _is_segment(segment):
            raise _foreign(file_name, segment)


def _is_segment(name: str) -> bool:
    return _SEGMENT.fullmatch(name) is not None


def _foreign(file_name: str, name: str) -> CorruptError:
    return CorruptError(
        f"{file_name}: it names {name[:120]!r}, which no runlake has called so; restore the file "
        "from a backup, or remove it"
    )
