"""The bytes of a journal part: frames, and the records in them. Pure: no files, no clock.

A part is eight bytes of magic, then frames::

    ┌────────────┬────────┬─────────┬────────────┬───────────────┐
    │ length u32 │ kind u8│ check u8│ crc32 u32  │ body          │   little-endian
    └────────────┴────────┴─────────┴────────────┴───────────────┘

`length` is that of the body, `crc32` (zlib's) covers the body, and `check` is the XOR of the four length bytes, the
kind and 0xA5. Why a check of the header alone: a length that a flipped bit made larger than the file would look like
a torn tail, and every row behind it would vanish in silence. With it, a header that is whole and wrong is *corrupt*,
a header or body that the file ends in is *truncated*, and zeros (a file extended by a crash) are neither a frame.

The body of ROW is a packed struct, of MIXED a packed head and a msgpack map, of BLOCK the start and the CRC of all
bytes since the last block, which lets a reader check a long part in one pass; of all other kinds one msgpack map.

    ROW    shape u16 │ flags u8 │ n u64 │ step i64 │ timestamp f64 │ runtime f64 │ values as the shape says
    MIXED  0xFFFF    │ flags u8 │ n u64 │ step i64 │ timestamp f64 │ runtime f64 │ msgpack {path: value}
    BLOCK  start u64 │ crc32 u32

Flags: bit 0, the row is complete; bits 1-2, the stream; bit 3, the same call goes on in the next frame (without which
this one is torn). Frames of one `n` make one row: a key's last value wins.
In msgpack, `Json` values are extension type 1; strings, integers, floats, booleans and nil are what they are.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from runlake.errors import CorruptError
from runlake.store.journal.header import PartHeader
from runlake.values import Json

FORMAT_VERSION = 1
MAGIC = b"runlake" + bytes([FORMAT_VERSION])

PART, SHAPE, ROW, MIXED, BLOCK = 1, 2, 3, 4, 5
START, CONFIG, SUMMARY, DEFINE, INFO, STATE, CUT, FILE, END, CLOSE = 16, 17, 18, 19, 20, 21, 22, 23, 24, 25
ALERT, LOST = 26, 27
KIND_NAMES = {
    PART: "part", SHAPE: "shape", ROW: "row", MIXED: "mixed", BLOCK: "block", START: "start", CONFIG: "config",
    SUMMARY: "summary", DEFINE: "define", INFO: "info", STATE: "state", CUT: "cut", FILE: "file", END: "end",
    CLOSE: "close", ALERT: "alert", LOST: "lost",
}  # fmt: skip
"""START opens a writer's life, END ends it; CLOSE ends a part that is followed by another. CUT opens a rewound
generation. LOST is what a repair says of rows that were there once; it stands in segments only."""

HEAD = struct.Struct("<IBBI")
ROW_HEAD = struct.Struct("<HBQqdd")
BLOCK_BODY = struct.Struct("<QI")
NO_SHAPE = 0xFFFF
MAX_BODY_BYTES = 256 * 2**20

COMMIT, STREAM_MASK, CONTINUES = 1, 6, 8
STREAM_BITS = {"history": 0, "events": 2, "console": 4}
STREAM_OF_BITS = {0: "history", 2: "events", 4: "console"}

LANE_CODES = {"f64": "d", "i64": "q", "bool": "?"}

_JSON_EXTENSION = 1

T = TypeVar("T")


def head_of(length: int, kind: int) -> bytes:
    """The first six bytes of a frame: everything but the CRC. The same for all rows of one shape."""
    four = length.to_bytes(4, "little")
    return four + bytes((kind, four[0] ^ four[1] ^ four[2] ^ four[3] ^ kind ^ 0xA5))


def frame(kind: int, body: bytes) -> bytes:
    """One frame, ready to be appended."""
    return head_of(len(body), kind) + zlib.crc32(body).to_bytes(4, "little") + body


def is_head(head: tuple[int, int, int, int]) -> bool:
    """Whether an unpacked header is one: its check fits and its kind and length are possible."""
    length, kind, check, _ = head
    folded = length ^ (length >> 16)
    return ((folded ^ (folded >> 8)) & 0xFF) ^ kind ^ 0xA5 == check and kind in KIND_NAMES and length <= MAX_BODY_BYTES


def _from_extension(code: int, data: memoryview) -> Any:
    if code != _JSON_EXTENSION:
        raise CorruptError(f"a record holds a msgpack extension of the unknown type {code}")
    return Json(bytes(data).decode())


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(dict[str, Any], ext_hook=_from_extension)


def wrap_json(value: Any) -> Any:
    """Nested data with every `Json` marked as such for msgpack, which would write it as a plain string."""
    if type(value) is Json:
        return msgspec.msgpack.Ext(_JSON_EXTENSION, value.encode())
    if isinstance(value, dict):
        return {key: wrap_json(item) for key, item in value.items()}
    if type(value) is PartHeader:
        return wrap_json(value.body)
    if isinstance(value, msgspec.Struct):
        return {name: wrap_json(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [wrap_json(item) for item in value]
    return value


def encode_body(body: Mapping[str, Any]) -> bytes:
    """A record's map, or a row's canonical values by path, as msgpack.

    Text with half a surrogate pair, as a name that is no UTF-8 has it, is written with escapes.
    """
    try:
        return _encode(wrap_json(body))
    except UnicodeEncodeError:
        return _encode(_escaped(wrap_json(body)))


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    return list(map(_escaped, value)) if isinstance(value, list) else value


def decode_body(body: bytes | memoryview) -> dict[str, Any]:
    """The inverse of `encode_body`. CorruptError, MsgspecError or UnicodeError for what is no map by text."""
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise CorruptError("a record is nested too deep to be read") from None


def decoder_of(kind: type[T]) -> Callable[[bytes | memoryview], T]:
    """The inverse of `encode_body` for what is known to be of one type; made once, for making it costs as one use."""
    decode = msgspec.msgpack.Decoder(kind, ext_hook=_from_extension).decode

    def decoded(body: bytes | memoryview) -> T:
        try:
            return decode(body)
        except RecursionError:
            raise CorruptError("a record is nested too deep to be read") from None

    return decoded


class Shape:
    """Rows with the same keys of the same types: named once a part, then each row is one packed struct.

    `order` names all keys of a row whose other values stand in a MIXED frame behind, where they were between these.
    """

    __slots__ = ("_declaration", "head", "lanes", "number", "order", "pack", "paths", "size")

    def __init__(
        self, number: int, paths: tuple[str, ...], lanes: tuple[str, ...], order: tuple[str, ...] = ()
    ) -> None:
        packer = struct.Struct(ROW_HEAD.format + "".join(LANE_CODES[lane] for lane in lanes))
        self.number, self.paths, self.lanes, self.order = number, paths, lanes, order
        self.pack, self.size = packer.pack, packer.size
        self.head = head_of(packer.size, ROW)
        self._declaration: bytes | None = None

    @property
    def declaration(self) -> bytes:
        """The frame that names it in a part; made when it is first asked for, which readers never do."""
        made = self._declaration
        if made is None:
            body = {"number": self.number, "paths": list(self.paths), "lanes": list(self.lanes)}
            body |= {"order": list(self.order)} if self.order else {}
            made = self._declaration = frame(SHAPE, encode_body(body))
        return made

    @property
    def meaning(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """All that it says of a row, whatever its number."""
        return self.paths, self.lanes, self.order

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Shape:
        return cls(body["number"], tuple(body["paths"]), tuple(body["lanes"]), tuple(body.get("order", ())))
