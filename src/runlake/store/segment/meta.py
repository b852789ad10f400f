"""The meta file of a segment: what makes it visible, and every record in it that is no row.

A checksum says that a file is as it was written, and not that its writer meant well. What is read here is therefore of
the types that are expected, names only what lies in the run's own folder or among the project's merged files, and
claims no more than a file of its size can hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar, overload
from zlib import crc32

import msgspec
import pyarrow as pa
from msgspec import Meta as Bounds

from runlake.errors import BadValueError, CorruptError, NewerFormatError
from runlake.model import Stream
from runlake.store.journal import record
from runlake.store.journal.fold import StreamFold, WriterState, usable_fold
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import LARGEST_PART_NUMBER
from runlake.store.journal.proof import prove_record, with_usable_times
from runlake.store.segment.schema import FORMAT_VERSION, Footer, Owner
from runlake.store.segment.segments import META_SUFFIX, Segments
from runlake.store.stored_names import check_segment

META_MAGIC = b"runmeta" + bytes([FORMAT_VERSION])
META_FRAME = 32

_MOST_TIMES_SMALLER, _ALWAYS_FINE_BYTES = 1000, 2**20
"""What packed last values come to is more than a thousandth of them; a megabyte may be anything."""

Count = Annotated[int, Bounds(ge=0, le=2**53)]
Crc = Annotated[int, Bounds(ge=0, lt=2**32)]
Name = Annotated[str, Bounds(min_length=1, max_length=1024)]
PartNumber = Annotated[int, Bounds(ge=0, le=LARGEST_PART_NUMBER)]


class RowRange(msgspec.Struct, frozen=True):
    """What a meta file says of one sealed stretch: whose rows, which, and in which file."""

    writer: Name
    stream: Stream
    first_n: Count
    row_count: Count


class Meta(msgspec.Struct):
    """The meta file of a segment: it makes the segment visible, and holds every record that is no row.

    `covers` names the journal parts whose content is here, `supersedes` the segments this one replaces;
    `files` maps each stream to its file of values, `footers` each file to its size and its footer's CRC-32, and
    `checksums` to the CRC-32 of all its bytes: a reader proves the pages it reads, only `check` reads everything.
    Files that many runs share are named by their path from the folder of the segment, the others by their name.
    """

    version: int
    name: str
    incarnation: str
    generation: Name
    covers: list[tuple[str, PartNumber]]
    supersedes: list[str]
    files: dict[Stream, str]
    footers: dict[Name, Footer]
    checksums: dict[Name, Crc]
    stretches: list[RowRange]
    writers: Sequence[WriterState]

    @property
    def packed_in(self) -> str | None:
        """The name of the file that it shares with other runs, where its rows lie; None for files of its own."""
        shared = (file.rpartition("/")[2] for file in self.files.values() if "/" in file)
        return next((file.partition("-")[0] for file in shared), None)

    @property
    def is_packed(self) -> bool:
        """Whether its rows lie in files that it shares with other runs."""
        return self.packed_in is not None

    @property
    def headers(self) -> dict[str, PartHeader]:
        """The header of each writer, without a look at what else they said: that may be last values of many keys."""
        if isinstance(self.writers, _StoredWriters):
            return self.writers.headers()
        return {state.writer: state.header for state in self.writers}

    @property
    def owner(self) -> Owner | None:
        """Whose rows it means in files that it shares; None where it has files of its own."""
        if not self.is_packed:
            return None
        # What the writers say and not the folder: a copied run goes under another id.
        header = next(iter(self.headers.values()))
        return Owner(header.body["run_id"], self.incarnation, self.generation)


def new_meta(
    name: str,
    incarnation: str,
    generation: str,
    *,
    covers: Iterable[tuple[str, int]] = (),
    supersedes: Iterable[str] = (),
    writers: Sequence[WriterState] = (),
) -> Meta:
    """The meta file of a segment to be, which has no rows yet."""
    return Meta(
        version=FORMAT_VERSION,
        name=name,
        incarnation=incarnation,
        generation=generation,
        covers=sorted(set(covers)),
        supersedes=sorted(set(supersedes)),
        files={},
        footers={},
        checksums={},
        stretches=[],
        writers=writers,
    )


def write_meta(segments: Segments, meta: Meta) -> None:
    """Publish a segment: from now on readers see it."""
    segments.replace(f"{meta.name}{META_SUFFIX}", encode_meta(meta))


def encode_meta(meta: Meta) -> bytes:
    """What stands in its meta file."""
    fields = {name: getattr(meta, name) for name in meta.__struct_fields__}
    body = record.encode_body({**fields, "writers": [_stored_state(state) for state in meta.writers]})
    return META_MAGIC + record.frame(META_FRAME, body)


class _StoredState(msgspec.Struct):
    """A `WriterState` as it is stored: what its rows come to is packed, since few look at it and it may be large."""

    writer: str
    header: dict[str, Any]
    records: list[tuple[int, dict[str, Any]]] = []
    streams: msgspec.Raw = msgspec.Raw(b"\x80")


def _stored_state(state: WriterState) -> dict[str, Any]:
    packed = record.encode_body(state.streams)
    streams = [len(packed), pa.compress(packed, "zstd", asbytes=True)]
    return {"writer": state.writer, "header": state.header, "records": state.records, "streams": streams}


def _state_of(stored: _StoredState) -> WriterState:
    packed: bytes | memoryview = memoryview(stored.streams)
    if packed[0] & 0xF0 == 0x90:  # an array; older segments have the map itself
        size_bytes, content = _decode_packed(packed)
        if size_bytes > max(_ALWAYS_FINE_BYTES, _MOST_TIMES_SMALLER * len(content)):
            raise CorruptError(f"the last values of writer {stored.writer} claim {size_bytes} of {len(content)} bytes")
        packed = pa.decompress(content, size_bytes, "zstd", asbytes=True)
    for kind, body in _proven(stored).records:
        prove_record(kind, with_usable_times(body))
    streams = _decode_folds(packed)
    folds: dict[str, StreamFold] = {stream: usable_fold(fold) for stream, fold in streams.items()}
    return WriterState(stored.writer, PartHeader(stored.header), stored.records, folds)


H = TypeVar("H", "_StoredState", "_Heading")


def _proven(stored: H) -> H:
    """The same, if its header is that of a part of this writer. BadValueError where it is not."""
    prove_record(record.PART, {"number": 0, "first": {}, **with_usable_times(stored.header)})
    if stored.header["writer"] != stored.writer:
        raise BadValueError(f"the writer {stored.writer} has the header of {stored.header['writer']}")
    return stored


class _StoredMeta(Meta):
    """A meta file before the records of its writers are decoded."""

    writers: msgspec.Raw  # type: ignore[assignment]


class _Heading(msgspec.Struct):
    """The beginning of a `WriterState`."""

    writer: str
    header: dict[str, Any]


_decode_meta = record.decoder_of(_StoredMeta)
_decode_headings = record.decoder_of(list[_Heading])
_decode_states = record.decoder_of(list[_StoredState])
_decode_packed = msgspec.msgpack.Decoder(tuple[Count, bytes]).decode
_decode_folds = record.decoder_of(dict[Stream, StreamFold])


@contextmanager
def _making_sense(name: str) -> Iterator[None]:
    try:
        yield
    except (
        ValueError,
        LookupError,
        RecursionError,
        msgspec.MsgspecError,
        pa.ArrowException,
        OSError,
        CorruptError,
    ) as error:
        raise CorruptError(f"{name}: its records make no sense ({error}); run `runlake check`") from None


class _StoredWriters(Sequence[WriterState]):
    """The records of a meta file, decoded when somebody looks at them: readers of rows never do."""

    def __init__(self, packed: msgspec.Raw, name: str) -> None:
        self._packed, self._name = packed, name
        self._decoded: list[WriterState] | None = None

    def headers(self) -> dict[str, PartHeader]:
        """The header of each writer; what else they said is passed over."""
        with _making_sense(self._name):
            found = _decode_headings(self._packed)
            return {each.writer: PartHeader(_proven(each).header) for each in found}

    def _all(self) -> list[WriterState]:
        if self._decoded is None:
            with _making_sense(self._name):
                self._decoded = [_state_of(stored) for stored in _decode_states(self._packed)]
        return self._decoded

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> WriterState: ...
    @overload
    def __getitem__(self, index: slice) -> list[WriterState]: ...
    def __getitem__(self, index: int | slice) -> WriterState | list[WriterState]:
        return self._all()[index]


def read_meta(segments: Segments, name: str) -> Meta:
    """The meta of the segment `name`, CorruptError where it is none. FileNotFoundError when it was superseded."""
    file = f"{name}{META_SUFFIX}"
    try:
        return parse_meta(segments.read(file), file)
    except IsADirectoryError:
        raise CorruptError(f"{file}: this is a folder, and no segment meta file; move it elsewhere") from None


def parse_meta(data: bytes, name: str) -> Meta:
    """What the bytes of a meta file of this name say; CorruptError where it names a file that is not its own."""
    start = 8 + record.HEAD.size
    if len(data) < start or data[:7] != META_MAGIC[:7]:
        raise CorruptError(f"{name}: this is no segment meta file; restore it or run `runlake check`")
    if data[7] != META_MAGIC[7]:
        raise NewerFormatError(f"{name}: segment format {data[7]}; upgrade runlake to read it")
    body = memoryview(data)[start:]
    if record.head_of(len(body), META_FRAME) + crc32(body).to_bytes(4, "little") != data[8:start]:
        raise CorruptError(f"{name}: its {len(data)} bytes are not as they were written (byte 8 on)")
    try:
        stored = _decode_meta(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CorruptError(f"{name}: it is whole, but makes no sense ({error}); run `runlake check`") from None
    check_segment(name, stored.name, stored.files, stored.supersedes, stored.covers, stored.incarnation)
    fields = {name: getattr(stored, name) for name in Meta.__struct_fields__}
    return Meta(**{**fields, "writers": _StoredWriters(stored.writers, name)})
