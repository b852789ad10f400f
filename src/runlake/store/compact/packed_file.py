"""The list of a packed file: which runs share it, and what replaced what.

``merged/<name>.runs`` stands beside the Parquet files ``merged/<name>-<stream>.parquet`` and their series files. It
makes nothing visible: that is what the meta file in the folder of each run does (`store.segment.meta`). It serves two
readers. A packer that finds one whose runs do not all point to it goes on where another was killed; and who reads one
key of all runs learns from it where they are, without a look at the folder of each.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from runlake.errors import CorruptError, NewerFormatError
from runlake.lru import LruCache
from runlake.model import STREAMS, Stream
from runlake.ready import ready
from runlake.store.journal import record
from runlake.store.segment.folder import UNUSED_PREFIX
from runlake.store.segment.schema import Footer, series_file
from runlake.store.segment.segments import Segments
from runlake.store.stored_names import check_pack_list

FORMAT_VERSION = 1
SUFFIX = ".runs"
_MAGIC = b"runlist" + bytes([FORMAT_VERSION])
_LIST = 33


class PackedRun(msgspec.Struct, frozen=True):
    """A run in a packed file: the `segment` that points there, and the segments (`inputs`) that this one replaces.

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


def publish_list(shared: Segments, packed: PackList) -> None:
    """Put the list beside its files, when all of them are safe on the disk."""
    body = msgspec.msgpack.encode(packed)
    shared.replace(f"{packed.name}{SUFFIX}", _MAGIC + record.frame(_LIST, body))
    shared.sync(f"{packed.name}{SUFFIX}")


def read_list(shared: Segments, name: str) -> PackList:
    """The list of a packed file. FileNotFoundError when it was removed meanwhile."""
    file = f"{name}{SUFFIX}"
    return _parse_list(file, shared.read(file))


class PackLists:
    """Lists as they were read before, as long as their bytes are the same: taking one of thousands of runs apart is
    most of what a question about a few of these costs. Threads may share it.
    """

    def __init__(self, most_bytes: int = 16 * 2**20) -> None:
        self._known = LruCache[str, tuple[bytes, PackList]](most_bytes, size_of=lambda _, known: len(known[0]))

    def read(self, shared: Segments, name: str) -> PackList:
        """As `read_list`."""
        file = f"{name}{SUFFIX}"
        data = shared.read(file)
        known = self._known.get(name)
        if known is None or known[0] != data:
            known = (data, _parse_list(file, data))
            self._known.put(name, known)
        return known[1]


def _parse_list(file: str, data: bytes) -> PackList:
    if data[:7] != _MAGIC[:7]:
        raise CorruptError(f"{file}: this is no list of merged runs; restore it or remove it")
    if data[7:8] != _MAGIC[7:]:
        raise NewerFormatError(f"{file}: format {data[7]} of merged files; upgrade runlake to read it")
    body = data[8 + record.HEAD.size :]
    if record.frame(_LIST, body) != data[8:]:
        raise CorruptError(f"{file}: its {len(data)} bytes are not as they were written; restore it or remove it")
    try:
        packed = msgspec.msgpack.decode(body, type=ready(PackList))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CorruptError(f"{file}: it is whole, but makes no sense ({error}); remove it") from None
    segments = (name for run in packed.runs for name in (run.segment, *run.inputs))
    check_pack_list(file, packed.name, packed.files, segments, SUFFIX)
    return packed


def list_names(shared: Segments) -> list[str]:
    """The packed files of a project; their names are hashes, and in no order of time."""
    return sorted(shared.list_names(SUFFIX))


def files_of(folder: Path, name: str) -> list[Path]:
    """Everything that a packed file consists of; its list, with which it vanishes for readers, is the first."""
    values = [folder / file_name(name, stream) for stream in STREAMS]
    return [folder / f"{name}{SUFFIX}", *(file for each in values for file in (each, series_file(each)))]


def file_name(name: str, stream: Stream) -> str:
    """The file of values of one stream."""
    return f"{name}-{stream}.parquet"


def name_in(reference: str) -> str:
    """The packed file that a meta file means when it names `reference` among its files."""
    return reference.rpartition("/")[2].partition("-")[0]


def reference_to(file: str) -> str:
    """How the meta file of a run names a packed file."""
    return f"../../../merged/{file}"


def unused_mark(folder: Path, name: str) -> Path:
    """The file that says since when nothing has pointed to a packed file."""
    return folder / f"{UNUSED_PREFIX}{name}"
