# ruff: noqa: E501
"""Stores that somebody broke on purpose: every checksum is right, and what is said makes no sense.

Each kind is a named function that spoils the run ``ann/p/bad`` of a store that `begin` has made, in which
``ann/p/good`` stands beside it. `hostile_journals` spoil its journal, `hostile_metas` what it was sealed to, and
`hostile_places` what lies around runs.
"""

import json
import math
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from runlake.model import RunPath
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.record import (
    ALERT,
    CLOSE,
    CONFIG,
    CUT,
    DEFINE,
    END,
    INFO,
    LOST,
    PART,
    SHAPE,
    START,
    STATE,
    SUMMARY,
)
from runlake.store.journal.writer import JournalWriter
from runlake.store.segment.folder import FolderSegments
from runlake.store.segment.meta import META_FRAME, META_MAGIC
from runlake.store.segment.read import read_checksum, read_footer
from runlake.store.segment.segments import SegmentFile
from runlake.store.store_format import create_store
from stored import START_S

GOOD, BAD = RunPath("ann", "p", "good"), RunPath("ann", "p", "bad")
CLOCK = int(START_S * 1e6)
WRITER = "18bcfe568000a0a0a0a"
DEEP = "[" * 50_000 + "]" * 50_000
HUGE = 2**62


class Hostile(NamedTuple):
    """One way to spoil a store: `write` is given its folder."""

    name: str
    write: Callable[[Path], None]


def begin(store: Path) -> None:
    """A store with two finished runs; one of them is sealed, the other is a journal."""
    layout = FolderStore(store)
    create_store(layout)
    for path, writer_id in ((GOOD, "18bcfe56800010a0a0a"), (BAD, WRITER)):
        layout.make_run_dir(path)
        writer = JournalWriter(
            FolderJournal(layout.journal_dir(path)), writer_id, header(path, writer_id), clock=lambda: START_S
        )
        writer.record(START, {"name": path.run_id, "set": {"lr": 0.1}})
        for step in range(3):
            writer.log(
                {"loss": 1.0 - step, "note": f"row {step}"}, step=step, timestamp=START_S + step, runtime=float(step)
            )
        writer.log({"line": 0, "text": "hello"}, step=0, timestamp=START_S, runtime=0.0, stream="console")
        writer.end({"exit_code": 0, "runtime": 3.0})
        writer.close()
    seal_run(layout, GOOD)


def header(path: RunPath = BAD, writer: str = WRITER, **more: Any) -> dict[str, Any]:
    """What the first frame of a part says."""
    return {
        **path._asdict(),
        "format": 1,
        "incarnation": writer,
        "generation": writer,
        "role": "run",
        "pid": 1,
        "created_at": START_S,
        **more,
    }


# Journals -------------------------------------------------------------------------------------------------


def frames(*items: tuple[int, Any]) -> bytes:
    """Frames of these kinds; a body is packed unless it is bytes."""
    return b"".join(
        record.frame(kind, body if isinstance(body, bytes) else record.encode_body(body)) for kind, body in items
    )


def part(*items: tuple[int, Any], head: Any = None, number: int = 0) -> bytes:
    """The bytes of a part that begins as parts do, and goes on as these say."""
    first = {**header(), "writer": WRITER, "number": number, "first": {"history": 0, "events": 0, "console": 0}}
    return record.MAGIC + frames((PART, first if head is None else head), *items)


def says(kind: int, **fields: Any) -> tuple[int, Any]:
    """A record with a clock and a number."""
    return kind, {"clock": CLOCK + 1, "n": 0, **fields}


def row(
    n: int = 0, values: Any = None, *, flags: int = 1, step: int = 0, timestamp: float = START_S, runtime: float = 0.0
):
    """A row frame with values of any type."""
    body = values if isinstance(values, bytes) else msgspec.msgpack.encode({"loss": 1.0} if values is None else values)
    return record.MIXED, record.ROW_HEAD.pack(record.NO_SHAPE, flags, n, step, timestamp, runtime) + body


def packed_row(shape: record.Shape, *values: Any, n: int = 0, flags: int = 1, timestamp: float = START_S):
    """A packed row frame."""
    return record.ROW, shape.pack(shape.number, flags, n, 0, timestamp, 0.0, *values)


def _head(**changes: Any) -> dict[str, Any]:
    first = {**header(), "writer": WRITER, "number": 0, "first": {"history": 0, "events": 0, "console": 0}}
    return {key: value for key, value in {**first, **changes}.items() if value is not ...}


def _json(text: str) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(1, text.encode("utf-8", "surrogatepass"))


def _nested(depth: int) -> bytes:
    return b"\x91" * depth + b"\xc0"


_START, _END = (
    says(START, name="bad", set={}),
    says(END, exit_code=0, row_counts={"history": 1, "events": 0, "console": 0}),
)
_SHAPE = record.Shape(0, ("a",), ("f64",))
_NAN, _INF = math.nan, math.inf

_JOURNALS: dict[str, list[tuple[int, Any]] | bytes] = {
    "record without a clock": [_START, row(), (SUMMARY, {"n": 0, "set": {"a": 1}})],
    "end without row counts": [_START, row(), says(END, exit_code=0)],
    "end without a clock": [_START, row(), (END, {"row_counts": {}})],
    "end with an exit code of text": [_START, says(END, row_counts={}, exit_code="no")],
    "end with a runtime that is none": [_START, says(END, row_counts={}, runtime=_NAN)],
    "end with row counts of text": [_START, says(END, row_counts={"history": "many"})],
    "clock is text": [_START, (CONFIG, {"clock": "now", "n": 0, "set": {}})],
    "clock is null": [_START, (CONFIG, {"clock": None, "n": 0, "set": {}})],
    "clock is infinite": [_START, (CONFIG, {"clock": _INF, "n": 0, "set": {}})],
    "clock is beyond all calendars": [_START, (CONFIG, {"clock": 2**63 - 1, "n": 0, "set": {"a": 1}})],
    "set is a list": [says(START, set=[1, 2])],
    "unset is a number": [says(START, set={}, unset=7)],
    "unset holds numbers": [says(START, set={}, unset=[7])],
    "set has keys that are no text": [_START, says(CONFIG, set={1: 2})],
    "set has a plain list": [_START, says(CONFIG, set={"a": [1, [2]]})],
    "set has deep JSON": [_START, says(CONFIG, set={"a": _json(DEEP)})],
    "set has bad JSON": [_START, says(CONFIG, set={"a": _json("{nope")})],
    "set has a mark that says nothing": [_START, says(CONFIG, set={"a": _json('{"$float":"seven"}')})],
    "set has a mark of a mark": [_START, says(CONFIG, set={"a": _json('{"$dict":7}')})],
    "set has half a character": [_START, says(CONFIG, set={"a": _json('{"\\ud800":1}')})],
    "set has a path of ten thousand keys": [_START, says(CONFIG, set={".".join("a" * 10_000): 1})],
    "set has an integer of a million digits": [_START, says(CONFIG, set={"a": _json("9" * 1_000_000)})],
    "tags are a number": [says(START, set={}, tags=7)],
    "tags hold numbers": [says(START, set={}, tags=[1, 2])],
    "name is a list": [says(START, set={}, name=[1])],
    "notes are a map": [_START, says(INFO, set={}, notes={"a": 1})],
    "define without a rule": [_START, says(DEFINE)],
    "define with a rule of numbers": [_START, says(DEFINE, rule={"name": 7, "summary": 3})],
    "alert without a title": [_START, says(ALERT, text="t", level="INFO", timestamp=START_S)],
    "alert at no time": [_START, says(ALERT, title="t", text="t", level="INFO", timestamp=_NAN)],
    "state is a list": [_START, says(STATE, state=["running"])],
    "state that there is not": [_START, says(STATE, state="flying")],
    "cut without writers": [_START, says(CUT, taken=[])],
    "cut with writers of text": [_START, says(CUT, taken=[], writers=["w"])],
    "cut with writers without a header": [_START, says(CUT, taken=[], writers=[{"writer": "w", "header": {}}])],
    "lost rows of text": [_START, says(LOST, rows={"history": "all"})],
    "body is a number": [(START, msgspec.msgpack.encode(7))],
    "body is a list": [_START, (CONFIG, msgspec.msgpack.encode([1]))],
    "body is nested ten thousand deep": [_START, (CONFIG, b"\x81\xa1a" + _nested(10_000))],
    "body is cut": [_START, (CONFIG, record.encode_body({"clock": 1, "n": 0})[:-1])],
    "unknown extension": [_START, (CONFIG, msgspec.msgpack.encode({"clock": 1, "n": 0, "a": msgspec.msgpack.Ext(9, b"")}))],
    "row number beyond 63 bits": [_START, row(2**63)],
    "row number at the end of 63 bits": [_START, row(2**63 - 2), row(2**63 - 1)],
    "row number far away": [_START, row(0), row(HUGE)],
    "rows backwards": [_START, row(0), row(1), row(2), row(1), row(0)],
    "row at no time": [_START, row(0), row(1, timestamp=_NAN), row(2), _END],
    "row at an infinite time": [_START, row(0, timestamp=_INF), row(1)],
    "row at minus infinity": [_START, row(0, timestamp=-_INF)],
    "row at a time no calendar knows": [_START, row(0, timestamp=1e300), row(1, timestamp=-1e300)],
    "row with an infinite runtime": [_START, row(0, runtime=_INF), row(1, runtime=_NAN)],
    "row of no stream": [_START, row(0, flags=7)],
    "row with keys that are no text": [_START, row(0, {7: 1.0})],
    "row that is a list": [_START, row(0, [1.0])],
    "row with a plain list": [_START, row(0, {"a": [1, 2, {"b": 3}]})],
    "row with bytes": [_START, row(0, {"a": b"\0\1"})],
    "row with 64 bits": [_START, row(0, {"a": 2**64 - 1})],
    "row with bad JSON": [_START, row(0, {"a": _json("[1,")})],
    "row with deep JSON": [_START, row(0, {"a": _json(DEEP)})],
    "row with text that is no UTF-8": [_START, row(0, b"\x81\xa1a\xa2\xff\xfe")],
    "row with a path of ten thousand keys": [_START, row(0, {".".join("a" * 10_000): 1})],
    "row that goes on in nothing": [_START, row(0, flags=9), row(0, {"b": 1}), row(1, flags=8)],
    "row named like an axis": [_START, row(0, {"_step": "seven", "_timestamp": _json("[]")})],
    "packed row at no time": [_START, (SHAPE, record.encode_body({"number": 0, "paths": ["a"], "lanes": ["f64"]})),
                              packed_row(_SHAPE, 1.0, timestamp=_NAN), packed_row(_SHAPE, 2.0, n=1, timestamp=_INF)],
    "packed row beyond 63 bits": [_START, (SHAPE, {"number": 0, "paths": ["a"], "lanes": ["f64"]}),
                                  packed_row(_SHAPE, 1.0, n=2**64 - 1)],
    "packed rows of no stream": [_START, (SHAPE, {"number": 0, "paths": ["a"], "lanes": ["f64"]}),
                                 packed_row(_SHAPE, 1.0, flags=7)],
    "packed row without a shape": [_START, packed_row(_SHAPE, 1.0)],
    "shape with a key twice": [_START, (SHAPE, {"number": 0, "paths": ["a", "a"], "lanes": ["f64", "f64"]})],
    "shape with keys that are no text": [_START, (SHAPE, {"number": 0, "paths": [1], "lanes": ["f64"]})],
    "shape with more keys than types": [_START, (SHAPE, {"number": 0, "paths": ["a", "b"], "lanes": ["f64"]})],
    "shape with types that there are not": [_START, (SHAPE, {"number": 0, "paths": ["a"], "lanes": ["f16"]})],
    "shape with a number of text": [_START, (SHAPE, {"number": "0", "paths": ["a"], "lanes": ["f64"]})],
    "shape with another order": [_START, (SHAPE, {"number": 0, "paths": ["a"], "lanes": ["f64"], "order": ["b"]}),
                                 packed_row(_SHAPE, 1.0, flags=9), row(0, {"c": 1})],
    "shape that means two things": [_START, (SHAPE, {"number": 0, "paths": ["a"], "lanes": ["f64"]}), packed_row(_SHAPE, 1.0),
                                    (SHAPE, {"number": 0, "paths": ["b"], "lanes": ["i64"]}), packed_row(_SHAPE, 2.0, n=1)],
    "close with row counts of text": [_START, (CLOSE, {"row_counts": 7})],
    "console line with a label that is a list": [_START, row(0, {"line": 0, "text": 7, "level": _json("[1]")}, flags=5)],
    "console line with a number of text": [_START, row(0, {"line": "one", "text": "a"}, flags=5)],
    "nothing but a header": [],
    "head without an incarnation": part(_START, row(), head=_head(incarnation=...)),
    "head with an incarnation of numbers": part(_START, row(), head=_head(incarnation=7)),
    "head with an incarnation that leads out": part(_START, row(), _END, head=_head(incarnation="../../../out")),
    "head of text": part(_START, row(), head=b"\xa3abc"),
    "head created at text": part(_START, row(), head=_head(created_at="today")),
    "head created at no time": part(_START, row(), head=_head(created_at=_INF)),
    "head with another writer": part(_START, row(), head=_head(writer="somebody")),
    "head with a session of text": part(_START, row(), head=_head(session="one")),
    "head with an after of text": part(_START, row(), head=_head(after="noon")),
    "head with taken of numbers": part(_START, row(), head=_head(taken=[1, 2, 3])),
    "head with first of text": part(_START, row(), head=_head(first="all")),
    "head with a role of its own": part(_START, row(), head=_head(role="king")),
    "head twice": part(_START, (PART, _head())),
}  # fmt: skip


def hostile_journals() -> list[Hostile]:
    """Journals whose frames are whole, and whose records or rows mean nothing."""
    found = [
        Hostile(name, _journal(content if isinstance(content, bytes) else part(*content)))
        for name, content in _JOURNALS.items()
    ]
    return [
        *found,
        Hostile("part with a number of fifteen digits", _beside(f"journal/{WRITER}-{10**14}.part", part(_START))),
        Hostile("part with the largest number", _beside(f"journal/{WRITER}-999999.part", part(_START, number=999_999))),
        Hostile("part that is a folder", lambda store: (_run(store) / f"journal/{WRITER}-001.part").mkdir()),
        Hostile("journal that is a file", _journal_is_a_file),
        Hostile("claim that leads out", _beside("incarnation", b"../../out")),
        Hostile("claim that is no text", _beside("incarnation", b"\xff\xfe")),
        Hostile("claim that is a folder", lambda store: _anew(_run(store) / "incarnation").mkdir()),
    ]


def journal_of(*items: tuple[int, Any]) -> Callable[[Path], None]:
    """What puts a part of these frames in the place of the journal of the run."""
    return _journal(part(*items))


def _run(store: Path) -> Path:
    return FolderStore(store).run_dir(BAD)


def _anew(place: Path) -> Path:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    return place


def _journal(content: bytes) -> Callable[[Path], None]:
    return _beside(f"journal/{WRITER}-000.part", content)


def _beside(name: str, content: bytes) -> Callable[[Path], None]:
    def write(store: Path) -> None:
        (_run(store) / name).write_bytes(content)

    return write


def _journal_is_a_file(store: Path) -> None:
    _anew(_run(store) / "journal").write_bytes(b"")


# Segments -------------------------------------------------------------------------------------------------


def rewrite_meta(store: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Seal the run, and change what its meta file says; `change` answers another name for it, or nothing."""
    seal_run(FolderStore(store), BAD)
    (file,) = (_run(store) / "segments").glob("*.meta")
    body = msgspec.msgpack.decode(file.read_bytes()[8 + record.HEAD.size :])
    name = change(body)
    content = META_MAGIC + record.frame(META_FRAME, body if isinstance(body, bytes) else msgspec.msgpack.encode(body))
    file.unlink()
    file.with_name(name or file.name).write_bytes(content)


def _field(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        if value is ...:
            del body[name]
        else:
            body[name] = value

    return change


def _writer(**fields: Any) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        body["writers"][0].update(fields)

    return change


def _writer_head(**fields: Any) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        head = {**body["writers"][0]["header"], **fields}
        body["writers"][0]["header"] = {key: value for key, value in head.items() if value is not ...}

    return change


def _packed(content: bytes, size_bytes: int) -> list[Any]:
    return [size_bytes, pa.compress(content, "zstd", asbytes=True)]


def _folds(**fold: Any) -> list[Any]:
    content = msgspec.msgpack.encode({"history": {"row_count": 3, **fold}})
    return _packed(content, len(content))


def _raw_meta(content: bytes) -> Callable[[Path], None]:
    def write(store: Path) -> None:
        seal_run(FolderStore(store), BAD)
        (file,) = (_run(store) / "segments").glob("*.meta")
        file.write_bytes(content)

    return write


_METAS: dict[str, Callable[[dict[str, Any]], Any]] = {
    **{f"meta without {name}": _field(name, ...) for name in ("name", "covers", "files", "footers", "stretches", "writers")},
    "meta with covers of text": _field("covers", "all"),
    "meta that covers a part beyond counting": _field("covers", [[WRITER, HUGE]]),
    "meta that covers the last part that can be": _field("covers", [[WRITER, 999_999]]),
    "meta that covers a part before the first": _field("covers", [[WRITER, -1]]),
    "meta that supersedes what lies elsewhere": _field("supersedes", ["../../good/segments/x"]),
    "meta that supersedes itself": lambda body: body.update(supersedes=[body["name"]]),
    "meta with another name": _field("name", "0" * 24),
    "meta with a name that leads out": _field("name", "../../good/segments/x"),
    "meta in a file of another name": lambda body: f"{'0' * 24}.meta",
    "meta with files that lead out": _field("files", {"history": "../../good/segments/x.parquet"}),
    "meta with files of a stream that there is not": _field("files", {"secrets": "0a-secrets.parquet"}),
    "meta with files that are not there": _field("files", {"history": "0a-history.parquet"}),
    "meta with footers of text": _field("footers", {"0a-history.parquet": "good"}),
    "meta with a footer of another size": lambda body: [f.update(size_bytes=1) for f in body["footers"].values()] and None,
    "meta with stretches of text": _field("stretches", ["all"]),
    "meta with stretches before the first row": _field("stretches", [{"writer": WRITER, "stream": "history", "first_n": -5, "row_count": 3}]),
    "meta with stretches beyond all rows": _field("stretches", [{"writer": WRITER, "stream": "history", "first_n": 0, "row_count": 2**50}]),
    "meta without stretches": _field("stretches", []),
    "meta with writers of numbers": _field("writers", [1, 2]),
    "meta with no writers": _field("writers", []),
    "meta with a header that is empty": _writer(header={}),
    "meta with a header of another writer": _writer_head(writer="somebody"),
    "meta with a header without an incarnation": _writer_head(incarnation=...),
    "meta with a header of another run": _writer_head(run_id="good"),
    "meta with records of text": _writer(records=["start"]),
    "meta with records of a kind that there is not": _writer(records=[[99, {"clock": 1, "n": 0}]]),
    "meta with records without a clock": _writer(records=[[START, {"n": 0, "set": {}}]]),
    "meta with deep JSON": _writer(records=[[START, {"clock": 1, "n": 0, "set": {"a": _json(DEEP)}}]]),
    "meta with streams that claim a petabyte": _writer(streams=[2**50, b"abc"]),
    "meta with streams that are a bomb": _writer(streams=_packed(b"\0" * (64 * 2**20), 64 * 2**20)),
    "meta with streams of another size": _writer(streams=_packed(b"\x80", 100)),
    "meta with streams of a negative size": _writer(streams=[-1, b""]),
    "meta with streams that are no zstd": _writer(streams=[10, b"0123456789"]),
    "meta with streams that are empty": _writer(streams=_packed(b"", 0)),
    "meta with last values at no time": _writer(streams=_folds(last_timestamp=_NAN, last_runtime=_INF)),
    "meta with last values of lists": _writer(streams=_folds(last={"a": [0, 0, [1, {"b": 2}]]})),
    "meta with last values of text": _writer(streams=_folds(last="all")),
    "meta with numbers of text": _writer(streams=_folds(numbers={"a": "many"})),
    "meta with a negative count of rows": _writer(streams=_folds(row_count=-5)),
    "meta with last values of deep JSON": _writer(streams=_folds(last={"a": [0, 0, _json(DEEP)]})),
}  # fmt: skip


def _rewrite_parquet(which: str, change: Callable[[pa.Table], pa.Table], **options: Any) -> Callable[[Path], None]:
    """Another Parquet file in the place of the one of a segment, with the meta file saying that it is right so."""

    def write(store: Path) -> None:
        def change_meta(body: dict[str, Any]) -> None:
            name = body["files"]["history"]
            file = (
                _run(store) / "segments" / (name if which == "values" else name.replace(".parquet", ".series.parquet"))
            )
            table = change(pq.read_table(file))
            pq.write_table(table, file, write_page_checksum=True, **options)
            stored = SegmentFile(FolderSegments(file.parent), file.name)
            footer = read_footer(stored)
            body["footers"][file.name] = {"size_bytes": footer.size_bytes, "crc32": footer.crc32}
            body["checksums"][file.name] = read_checksum(stored)

        rewrite_meta(store, change_meta)

    return write


def _column(name: str, values: Callable[[list[Any]], list[Any]]) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        field = table.schema.field(name)
        return table.set_column(place, field, pa.array(values(table.column(name).to_pylist()), field.type))

    return change


def _not_utf8(table: pa.Table) -> pa.Table:
    place = table.column_names.index("key")
    bad = pa.array([b"\xff\xfe"] * table.num_rows, pa.binary())
    return table.set_column(place, table.schema.field("key"), bad.view(pa.string()))


_PARQUETS: dict[str, Callable[[Path], None]] = {
    "series that are no series": _rewrite_parquet("series", lambda table: pa.table({"x": pa.array([1, 2, 3])})),
    "series without a column": _rewrite_parquet("series", lambda table: table.drop_columns(["count"])),
    "series of which there are two million": _rewrite_parquet(
        "series", lambda table: pa.concat_tables([table.slice(0, 1)] * 1000).take(pa.array([0] * 2_000_000)).select(
            ["writer", "key", "lane", "position", "first_n", "row_count", "group", "offset", "count"]), compression="zstd"),
    "series in a column of another type": _rewrite_parquet(
        "series", lambda table: table.set_column(table.column_names.index("count"), "count", table["count"].cast(pa.string()))),
    "series in groups that are not there": _rewrite_parquet("series", _column("group", lambda v: [7 for _ in v])),
    "series in negative groups": _rewrite_parquet("series", _column("group", lambda v: [-1 for _ in v])),
    "series at places that are not there": _rewrite_parquet("series", _column("offset", lambda v: [2**40 for _ in v])),
    "series of more values than there are": _rewrite_parquet("series", _column("count", lambda v: [2**40 for _ in v])),
    "series of negative counts": _rewrite_parquet("series", _column("count", lambda v: [-1 for _ in v])),
    "series of more rows than there are": _rewrite_parquet("series", _column("row_count", lambda v: [2**40 for _ in v])),
    "series from rows before the first": _rewrite_parquet("series", _column("first_n", lambda v: [-5 for _ in v])),
    "series from rows that are not there": _rewrite_parquet("series", _column("first_n", lambda v: [2**62 for _ in v])),
    "series of a lane that there is not": _rewrite_parquet("series", _column("lane", lambda v: ["f16" for _ in v])),
    "series all of one lane": _rewrite_parquet("series", _column("lane", lambda v: ["str" for _ in v])),
    "series without steps": _rewrite_parquet("series", _column("key", lambda v: ["a" if k == "_step" else k for k in v])),
    "series of other writers": _rewrite_parquet("series", _column("writer", lambda v: ["somebody" for _ in v])),
    "series with nulls": _rewrite_parquet("series", _column("count", lambda v: [None for _ in v])),
    "series without keys": _rewrite_parquet("series", _column("key", lambda v: [None for _ in v])),
    "series of keys that are no UTF-8": _rewrite_parquet("series", _not_utf8),
    "series of no rows": _rewrite_parquet("series", lambda table: table.slice(0, 0)),
    "values that are no values": _rewrite_parquet("values", lambda table: pa.table({"x": pa.array([1, 2, 3])})),
    "values of which there are none": _rewrite_parquet("values", lambda table: table.slice(0, 0)),
    "values in one group": _rewrite_parquet("values", lambda table: table),
    "values at no time": _rewrite_parquet("values", _column("f64", lambda v: [_NAN for _ in v]), row_group_size=3),
    "a group of twenty million values": _rewrite_parquet(
        "values", lambda table: pa.table({"f64": pa.nulls(20_000_000, pa.float64())}), row_group_size=20_000_000),
}  # fmt: skip


def hostile_metas() -> list[Hostile]:
    """Segments that are as their checksums say, and lie."""

    def changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
        return lambda store: rewrite_meta(store, change)

    framed = [
        ("meta that is a number", b"\x07"),
        ("meta that is nested ten thousand deep", _nested(10_000)),
        ("meta that is no msgpack", b"\xc1"),
    ]
    return [
        *(Hostile(name, changed(change)) for name, change in _METAS.items()),
        *(Hostile(name, _raw_meta(META_MAGIC + record.frame(META_FRAME, body))) for name, body in framed),
        *(Hostile(name, write) for name, write in _PARQUETS.items()),
        Hostile("meta that is a folder", lambda store: _mkdir(_run(store) / "segments" / f"{'0' * 24}.meta")),
        Hostile("segments that are a file", lambda store: _run(store).joinpath("segments").write_bytes(b"") and None),
    ]


def _mkdir(place: Path) -> None:
    _anew(place).mkdir(parents=True)


# What lies around runs ------------------------------------------------------------------------------------


def _in_store(name: str, content: bytes) -> Callable[[Path], None]:
    def write(store: Path) -> None:
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        _anew(store / name).write_bytes(content)

    return write


def _framed_head(body: bytes) -> bytes:
    return b"rlhead\x00\x01" + zlib.crc32(body).to_bytes(4, "little") + body


def _all_catalog_files(content: bytes) -> Callable[[Path], None]:
    def write(store: Path) -> None:
        from runlake.store.catalog.catalog_file import file_stem

        folder = store / ".catalog"
        folder.mkdir(exist_ok=True)
        (folder / f"{file_stem('ann', 'p')}.head").write_bytes(content)

    return write


def _head_with(**fields: Any) -> bytes:
    head = {
        "entity": "ann", "project": "p", "columns_name": None, "overlay": {}, "packs": [], "loose": [], "deaths": {},
        "folder_stamp": None, "run_count": 0,
    }  # fmt: skip
    return _framed_head(msgspec.msgpack.encode({**head, **fields}))


def _pack_of(content: bytes) -> Callable[[Path], None]:
    import hashlib

    name = f"ann/p/changes/packed/{hashlib.sha256(content).hexdigest()[:32]}.changes"
    return _in_store(name, content)


def _sweep(name: str, content: bytes) -> Callable[[Path], None]:
    return _in_store(f"ann/p/sweeps/s1/{name}", content)


def _entry(body: Any) -> bytes:
    return json.dumps(body).encode() + b"\n"


_CREATED = {
    "kind": "create",
    "at": START_S,
    "config": {"method": "random", "parameters": {"a": {"values": [1, 2]}}},
    "seed": 1,
    "name": "s",
}


def hostile_places() -> list[Hostile]:
    """Marks, catalogs, changes, sweeps, names: what no run is to blame for."""
    kinds: dict[str, Callable[[Path], None]] = {
        "mark of six thousand digits": _in_store("store.toml", b"format_version = " + b"1" * 6000 + b"\n"),
        "mark that is no text": _in_store("store.toml", b"\xff\xfe\0"),
        "mark that is a folder": lambda store: _anew(store / "store.toml").mkdir(),
        "catalog of another type": _all_catalog_files(_framed_head(b"\x07")),
        "catalog that is deep": _all_catalog_files(_framed_head(_nested(10_000))),
        "catalog with rows that are none": _all_catalog_files(
            _head_with(overlay={"bad": [b"\x07", 0, False, None, 0.0, None]})
        ),
        "catalog with trees that are none": _all_catalog_files(
            _head_with(overlay={"bad": [None, 0, False, "no", 0.0, DEEP]})
        ),
        "catalog with columns elsewhere": _all_catalog_files(_head_with(columns_name="../../../etc/passwd")),
        "changes that are no text": _pack_of(b"\xff\xfe\n"),
        "changes that name what is not there": _pack_of(b"00060c0b3f0a8000deadbeef#edit#inc#..%2F..#w\n"),
        "changes that are a folder": lambda store: _mkdir(store / "ann/p/changes/packed/x.changes"),
        "ledger that is no text": _sweep("ledger/00000001.json", b"\xff\n"),
        "ledger that is deep": _sweep("ledger/00000001.json", DEEP.encode() + b"\n"),
        "ledger that is a list": _sweep("ledger/00000001.json", b"[1]\n"),
        "ledger with a mark of a mark": _sweep("ledger/00000001.json", b'{"$dict":7}\n'),
        "ledger that is a folder": lambda store: _mkdir(store / "ann/p/sweeps/s1/ledger/00000001.json"),
        "sweep with a config that is none": _sweep("ledger/00000001.json", _entry({**_CREATED, "config": {"method": 7}})),
        "sweep that begins at text": _sweep("ledger/00000001.json", _entry({**_CREATED, "at": "noon"})),
        "run named by nothing": lambda store: _mkdir(store / "ann/p/runs/%FF/journal"),
        "run named by a path": lambda store: _mkdir(store / "ann/p/runs/a%2Fb/journal"),
        "run named by another hash": _in_store("ann/p/runs/%~" + "0" * 40 + "/id", b"good"),
        "run named by no text": _in_store("ann/p/runs/%~" + "1" * 40 + "/id", b"\xff"),
        "project named by nothing": lambda store: _mkdir(store / "ann/%FF/runs"),
        "entity named by bytes": lambda store: _mkdir(Path(os.fsdecode(os.fsencode(store) + b"/\xff/p/runs"))),
        "run that is a file": _in_store("ann/p/runs/file", b"x"),
        "file with a name of control characters": _in_store("ann/p/runs/bad/files/a\x1b[2Jb\n", b"x"),
        "file with a name of bytes": lambda store: Path(os.fsdecode(os.fsencode(store / "ann/p/runs/bad/files/") + b"\xff")).write_bytes(b"x") and None,
        "merged list of another type": _in_store("ann/p/merged/0a.runs", b"runlist\x01" + record.frame(33, b"\x07")),
        "merged list that leads out": _in_store(
            "ann/p/merged/0a.runs",
            b"runlist\x01" + record.frame(33, msgspec.msgpack.encode({
                "version": 1, "name": "0a", "files": {"history": "../../x.parquet"}, "footers": {}, "checksums": {},
                "runs": [],
            })),
        ),
        "trash of strangers": _in_store(".trash/what", b"x"),
        "trash with a run that says nothing": _in_store(f".trash/abc-bad-ann-p/journal/{WRITER}-000.part", part(head=b"\x07")),
        "trash with a run that leads out": _in_store(
            f".trash/abc-bad-ann-p/journal/{WRITER}-000.part", part(_START, row(), head=_head(run_id="../x", entity="/"))
        ),
        "export of strangers": _in_store(".exports/x/run", b"\xff"),
    }  # fmt: skip
    return [Hostile(name, write) for name, write in kinds.items()]


def hostile_stores() -> list[Hostile]:
    """All of them."""
    return [*hostile_journals(), *hostile_metas(), *hostile_places()]


def spoil_many(store: Path, kinds: list[Hostile]) -> dict[RunPath, str]:
    """Each kind as a run of its own, beside the good one; answers which run is which."""
    layout = FolderStore(store)
    kept = store.parent / "bad as it was"
    shutil.copytree(_run(store), kept)
    found = {}
    for number, kind in enumerate(kinds):
        kind.write(store)
        path = BAD._replace(run_id=f"bad-{number}")
        _run(store).rename(layout.run_dir(path))
        shutil.copytree(kept, _run(store))
        found[path] = kind.name
    shutil.rmtree(_run(store))
    return found


def flipped(body: bytes, places: list[tuple[int, int]]) -> bytes:
    """The body with bytes at some places changed."""
    changed = bytearray(body)
    for place, flip in places:
        if changed:
            changed[place % len(changed)] ^= flip
    return bytes(changed)


def float_bits(bits: int) -> float:
    """The float of these 64 bits."""
    found: float = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    return found
