"""The list of a merged file: which runs share it, and what replaced what.

``merged/<name>.runs`` stands beside the Parquet files ``merged/<name>-<stream>.parquet`` and their series files. It
makes nothing visible: that is what the meta file in the folder of each run does (`store.segment.meta`). It serves two
readers. A merger that finds one whose runs do not all point to it goes on where another was killed; and who reads one
key of all runs learns from it where they are, without a look at the folder of each.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from runlake.errors import CorruptError, NewerFormatError
from runlake.model import STREAMS, Stream
from runlake.store.disk import TEMPORARY_PREFIX, replace_file
from runlake.store.journal import record
from runlake.store.segment.schema import Footer, series_file
from runlake.store.stored_names import check_pack_list

FORMAT_VERSION = 1
SUFFIX = ".runs"
_MAGIC = b"runlist" + bytes([FORMAT_VERSION])
_LIST = 33


class PackedRun(msgspec.Struct, frozen=True):
    """A run in a merged file: the `segment` that points there, and the segments (`inputs`) that this one replaces.

    `row_counts` are the rows of each writer, by stream.
    """

    run_id: str
    incarnation: str
    generation: str
    segment: str
    inputs: list[str]
    row_counts: dict[Stream, dict[str, int]]


class PackList(msgspec.Struct, frozen=True):
    """What is in ``<name>.runs``: the files by stream, what proves them (as in `segment.Meta`), and the runs."""

    version: int
    name: str
    files: dict[Stream, str]
    footers: dict[str, Footer]
    checksums: dict[str, int]
    runs: list[PackedRun]


def write_list(folder: Path, merged: PackList) -> Path:
    """Put the list beside its files; answers where it is."""
    body = msgspec.msgpack.encode(merged)
    file = folder / f"{merged.name}{SUFFIX}"
    replace_file(file, _MAGIC + record.frame(_LIST, body))
    return file


def read_list(file: Path) -> PackList:
    """The list of a merged file. FileNotFoundError when it was removed meanwhile."""
    data = file.read_bytes()
    if data[:7] != _MAGIC[:7]:
        raise CorruptError(f"{file.name}: this is no list of merged runs; restore it or remove it")
    if data[7:8] != _MAGIC[7:]:
        raise NewerFormatError(f"{file.name}: format {data[7]} of merged files; upgrade runlake to read it")
    body = data[8 + record.HEAD.size :]
    if record.frame(_LIST, body) != data[8:]:
        raise CorruptError(f"{file.name}: its {len(data)} bytes are not as they were written; restore it or remove it")
    try:
        merged = msgspec.msgpack.decode(body, type=PackList)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CorruptError(f"{file.name}: it is whole, but makes no sense ({error}); remove it") from None
    segments = (name for run in merged.runs for name in (run.segment, *run.inputs))
    check_pack_list(file.name, merged.name, merged.files, segments, SUFFIX)
    return merged


def list_names(folder: Path) -> list[str]:
    """The merged files of a project; their names are hashes, and in no order of time."""
    try:
        names = [file.name for file in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(n.removesuffix(SUFFIX) for n in names if n.endswith(SUFFIX) and not n.startswith("."))


def files_of(folder: Path, name: str) -> list[Path]:
    """Everything that a merged file consists of; its list, with which it vanishes for readers, is the first."""
    values = [folder / file_name(name, stream) for stream in STREAMS]
    return [folder / f"{name}{SUFFIX}", *(file for each in values for file in (each, series_file(each)))]


def file_name(name: str, stream: Stream) -> str:
    """The file of values of one stream."""
    return f"{name}-{stream}.parquet"


def name_in(reference: str) -> str:
    """The merged file that a meta file means when it names `reference` among its files."""
    return reference.rpartition("/")[2].partition("-")[0]


def reference_to(file: str) -> str:
    """How the meta file of a run names a merged file."""
    return f"../../../merged/{file}"


def unused_mark(folder: Path, name: str) -> Path:
    """The file that says since when nothing has pointed to a merged file."""
    return folder / f"{TEMPORARY_PREFIX}unused-{name}"
