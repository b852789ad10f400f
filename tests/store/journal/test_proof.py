"""What a record, a row and a head must say to be kept: what we write passes, what no reader could take does not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from runlake.errors import BadValueError
from runlake.model import LAST_TIME_S
from runlake.store.journal import record
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.memory import MemoryJournal
from runlake.store.journal.proof import prove_record, prove_row, prove_value
from runlake.store.journal.proof_rows import prove_part
from runlake.store.journal.scan import scan_part
from runlake.store.journal.writer import JournalWriter
from runlake.values import MAX_DEPTH, Json, flatten, unflatten

HEAD = {
    "format": 1,
    "entity": "ann",
    "project": "p",
    "run_id": "r",
    "incarnation": "i",
    "generation": "i",
    "role": "run",
    "pid": 5,
    "created_at": 1.5e9,
}
STAMP = {"clock": 1, "n": 0}
RULE = {"name": "loss", "step_metric": None, "summary": ["min"], "goal": None, "hidden": False, "step_sync": False}
STATE = {"writer": "w", "header": HEAD, "records": [], "streams": {}}

GOOD = [
    (record.PART, {**HEAD, "writer": "w", "number": 0, "first": {"history": 0}, "session": 1, "after": 2.5}),
    (record.PART, {**HEAD, "writer": "w", "number": 3, "first": {}, "previous_bytes": 9, "taken": [["i", "v", 4]]}),
    (
        record.START,
        {**STAMP, "name": None, "tags": ["a"], "set": {"lr": 0.1, "l": Json("[1]")}, "base": {"last_step": -1}},
    ),
    (record.CONFIG, {**STAMP, "set": {"a.b": None, "c": True, "d": "x"}, "unset": ["e"]}),
    (record.SUMMARY, {**STAMP, "set": {"big": Json("1" * 30)}, "unset": []}),
    (record.DEFINE, {**STAMP, "rule": RULE}),
    (record.INFO, {**STAMP, "tags": None, "notes": "n", "something_new": {"of": ["a later version"]}}),
    (record.STATE, {**STAMP, "state": "preempting"}),
    (record.STATE, {**STAMP, "stop": True}),
    (record.CUT, {**STAMP, "taken": [["i", "w", 3]], "writers": [STATE]}),
    (record.END, {**STAMP, "row_counts": {"history": 3}, "exit_code": 0, "state": "finished", "runtime": 2.5}),
    (record.CLOSE, {"row_counts": {"history": 3}}),
    (record.ALERT, {**STAMP, "title": "t", "text": "", "level": "WARN", "timestamp": 5.0}),
    (record.LOST, {**STAMP, "rows": {"history": [[3, 4]]}}),
    (record.SHAPE, {"number": 0, "paths": ["a", "b"], "lanes": ["f64", "i64"]}),
    (record.SHAPE, {"number": 0, "paths": ["a"], "lanes": ["bool"], "order": ["x", "a"]}),
]


@pytest.mark.parametrize(
    ("kind", "body"), GOOD, ids=lambda value: record.KIND_NAMES.get(value) if type(value) is int else ""
)
def test_what_is_written_passes(kind, body):
    prove_record(kind, body)


def wrong(kind, **changes):
    """The first good body of a kind with some fields changed, or left out (...)."""
    body = next(body for known, body in GOOD if known == kind)
    return kind, {key: value for key, value in {**body, **changes}.items() if value is not ...}


ENDLESS = {"last_timestamp": math.nan}
NESTED = Json("[" * 200 + "]" * 200)

BAD = {
    "a head without an incarnation": wrong(record.PART, incarnation=...),
    "a head of no role": wrong(record.PART, role="king"),
    "a head made at a text": wrong(record.PART, created_at="now"),
    "a head made at no time": wrong(record.PART, created_at=math.inf),
    "a head that takes no rows": wrong(record.PART, taken=[["i", "v", -1]]),
    "no map at all": (record.CONFIG, [1]),
    "no clock": wrong(record.CONFIG, clock=...),
    "the clock nil": wrong(record.CONFIG, clock=None),
    "the clock a text": wrong(record.CONFIG, clock="5"),
    "the clock infinite": wrong(record.CONFIG, clock=math.inf),
    "the clock behind all calendars": wrong(record.CONFIG, clock=2**62),
    "no n": wrong(record.SUMMARY, n=...),
    "n beyond 64 bits": wrong(record.SUMMARY, n=2**63),
    "set a list": wrong(record.CONFIG, set=["a"]),
    "set with a number for a key": wrong(record.CONFIG, set={5: 1}),
    "set with bytes": wrong(record.CONFIG, set={"a": b"x"}),
    "set with a list": wrong(record.CONFIG, set={"a": [1]}),
    "set beyond 64 bits": wrong(record.CONFIG, set={"a": 2**63}),
    "set to what is no JSON": wrong(record.CONFIG, set={"a": Json("{")}),
    "set to nested JSON": wrong(record.CONFIG, set={"a": NESTED}),
    "set far below": wrong(record.CONFIG, set={".".join("a" * 200): 1}),
    "set to an unknown mark": wrong(record.CONFIG, set={"a": Json('{"$float":"x"}')}),
    "set to a mark that is none": wrong(record.CONFIG, set={"a": Json('{"$bytes":5}')}),
    "set to a dict without texts": wrong(record.CONFIG, set={"a": Json('{"$dict":[[null,1]]}')}),
    "set to a constant": wrong(record.CONFIG, set={"a": Json("NaN")}),
    "set to a very long number": wrong(record.CONFIG, set={"a": Json("1" * 5000)}),
    "unset a text": wrong(record.CONFIG, unset="a"),
    "unset numbers": wrong(record.CONFIG, unset=[1]),
    "tags numbers": wrong(record.START, tags=[1]),
    "tags a text": wrong(record.START, tags="a"),
    "a name that is a number": wrong(record.INFO, name=5),
    "no rule": wrong(record.DEFINE, rule=...),
    "a rule without a name": wrong(record.DEFINE, rule={}),
    "no such state": wrong(record.STATE, state="asleep"),
    "stop a text": wrong(record.STATE, stop="yes"),
    "a cut without writers": wrong(record.CUT, writers=...),
    "a cut of writers without a life": wrong(record.CUT, writers=[{**STATE, "header": {}}]),
    "a cut of senseless records": wrong(record.CUT, writers=[{**STATE, "records": [[record.CONFIG, {}]]}]),
    "a cut in a cut": wrong(record.CUT, writers=[{**STATE, "records": [[record.CUT, {}]]}]),
    "a cut of rows at no time": wrong(record.CUT, writers=[{**STATE, "streams": {"history": ENDLESS}}]),
    "an end without counts": wrong(record.END, row_counts=...),
    "an end with negative counts": wrong(record.END, row_counts={"history": -1}),
    "a runtime that is no number": wrong(record.END, runtime=math.nan),
    "an exit code that is a text": wrong(record.END, exit_code="0"),
    "an alert without a title": wrong(record.ALERT, title=...),
    "an alert of no level": wrong(record.ALERT, level="LOUD"),
    "an alert at no time": wrong(record.ALERT, timestamp=math.inf),
    "lost rows that are texts": wrong(record.LOST, rows={"history": "3"}),
    "a shape with a key twice": wrong(record.SHAPE, paths=["a", "a"]),
    "a shape with numbers for keys": wrong(record.SHAPE, paths=[1, 2]),
    "a shape with too few types": wrong(record.SHAPE, lanes=["f64"]),
    "a shape of an unknown type": wrong(record.SHAPE, lanes=["f64", "f32"]),
    "a shape with an axis": wrong(record.SHAPE, paths=["a", "_step"]),
    "a shape whose order lacks a key": wrong(record.SHAPE, order=["a"]),
    "bytes in a field of later versions": wrong(record.INFO, something_new=b"x"),
    "a long integer in a field of later versions": wrong(record.INFO, something_new=[2**64 - 1]),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_no_reader_could_take_is_refused(what):
    kind, body = BAD[what]
    with pytest.raises(BadValueError):
        prove_record(kind, body)


def test_the_message_names_the_field():
    with pytest.raises(
        BadValueError, match=r"a summary record makes no sense: Expected `int`, got `str` - at `\$.clock`"
    ):
        prove_record(*wrong(record.SUMMARY, clock="now"))


@pytest.mark.parametrize(
    ("stream_bits", "n", "timestamp", "runtime", "values"),
    [
        (6, 0, 0.0, 0.0, {}),
        (0, 2**63, 0.0, 0.0, {}),
        (0, 0, math.nan, 0.0, {}),
        (0, 0, LAST_TIME_S * 2, 0.0, {}),
        (0, 0, 0.0, math.inf, {}),
        (0, 0, 0.0, 0.0, {"_timestamp": 5.0}),
        (0, 2**62, 0.0, 0.0, {}),
        (0, 0, 0.0, 0.0, {"a": b"bytes"}),
        (0, 0, 0.0, 0.0, {"a": Json("{")}),
        (4, 0, 0.0, 0.0, {"level": 5}),
        (4, 0, 0.0, 0.0, {"source": Json("[1]")}),
        (4, 0, 0.0, 0.0, {"line": "one"}),
    ],
)
@pytest.mark.parametrize("count", [1, 100])
def test_rows_that_no_reader_could_take_are_refused(stream_bits, n, timestamp, runtime, values, count):
    with pytest.raises(BadValueError):
        prove_row(stream_bits, n, timestamp, runtime, values)
    if not values and not stream_bits:  # packed, once few and once many
        shape = record.Shape(0, ("a",), ("f64",))
        good = shape.pack(0, 1, 0, 0, 0.0, 0.0, 0.5)
        bad = shape.pack(0, stream_bits | 1, n, 0, timestamp, runtime, 0.5)
        frames = b"".join(record.frame(record.ROW, body) for body in [*[good] * (count - 1), bad])
        part = scan_part(part_head() + shape.declaration + frames, "w")
        with pytest.raises(BadValueError):
            prove_part(part)


def test_a_number_that_means_two_shapes_is_refused():
    one, other = record.Shape(0, ("a",), ("f64",)), record.Shape(0, ("b",), ("f64",))
    row = record.frame(record.ROW, one.pack(0, 1, 0, 0, 0.0, 0.0, 0.5))
    prove_part(scan_part(part_head() + one.declaration + row + one.declaration, "w"))
    with pytest.raises(BadValueError, match="shape 0 is declared twice"):
        prove_part(scan_part(part_head() + one.declaration + row + other.declaration + row, "w"))


def part_head():
    return record.MAGIC + record.frame(record.PART, record.encode_body(GOOD[0][1]))


@given(rows=st.lists(st.dictionaries(strategies.keys, strategies.values, max_size=4), max_size=6))
def test_whatever_may_be_logged_passes(rows):
    journal = MemoryJournal()
    writer = JournalWriter(journal, "w", HEAD, limits=WriterLimits(frames_per_block=3))
    for row in rows:
        writer.log(row, step=-(2**63), timestamp=LAST_TIME_S, runtime=0.0)
        writer.record(record.CONFIG, {"set": flatten(row), "unset": []})
    writer.end({"exit_code": 0})
    prove_part(scan_part(journal.read(PartName("w", 0)), "w"))


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"k": value}, lambda value: {"$float": value}])
def test_what_may_be_nested_in_python_may_come_in_and_be_read(wrap):
    value = {"_type": "deepest"}
    for _ in range(MAX_DEPTH - 1):
        value = wrap(value)
    flat = flatten({"x": value})
    for path, item in flat.items():
        prove_value(path, item)
    assert unflatten(flat.items()) == {"x": value}
    ((path, item),) = flat.items()
    deeper = f"x.{path}"
    with pytest.raises(BadValueError, match="nested deeper than 100 levels"):
        prove_value(deeper, item)


def test_half_a_surrogate_pair_is_a_value():
    for path, item in flatten({"x": "\ud800"}).items():
        prove_value(path, item)
