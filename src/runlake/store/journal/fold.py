"""Records → what a reader sees of a run. Pure, and without arrays: the training process uses it to resume.

A run's writers each leave records (`record`) and rows; of the rows, `StreamFold` keeps what a summary needs. The
view is made by replaying, in the order of their clocks, every edit and every last value: the later wins, key by key.
Within one writer the order is its own: a row logged after an edit beats it whatever the clock says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from runlake.errors import CorruptError
from runlake.model import Alert, MetricRule, Numbers, RunInfo, RunPath, State, is_time
from runlake.ready import ready
from runlake.store.journal import record
from runlake.store.journal.bodies import INFO_FIELDS, Cut, Define, End, Info, Record, StateChange, clock_of
from runlake.store.journal.edits import apply_edit, tree_of
from runlake.store.journal.header import PartHeader, part_header_of
from runlake.store.journal.rules import aggregates, rule_for
from runlake.values import Json, decode_json, encode_json, split_path

Liveness = Literal["alive", "gone"]

_BEHIND_A_HOLE = re.compile(r"r[0-9a-f]{8}$")
"""Rows behind a hole stand under their writer's name with this behind it: see `store.care.trail`."""


class StreamFold(msgspec.Struct):
    """What is left of one writer's rows of one stream.

    `last` maps a path to (n, timestamp in microseconds, value).
    """

    row_count: int = 0
    last_step: int = -1
    last_timestamp: float = 0.0
    last_runtime: float = 0.0
    last: dict[str, tuple[int, int, Any]] = {}
    numbers: dict[str, Numbers] = {}

    def followed_by(self, later: StreamFold) -> StreamFold:
        """The fold of these rows and then those."""
        numbers = dict(self.numbers)
        for path, (low, high, total, count, first) in later.numbers.items():
            if path in numbers:
                low0, high0, total0, count0, first0 = numbers[path]
                numbers[path] = (min(low0, low), max(high0, high), total0 + total, count + count0, first0)
            else:
                numbers[path] = (low, high, total, count, first)
        return StreamFold(
            row_count=self.row_count + later.row_count,
            last_step=max(self.last_step, later.last_step),
            last_timestamp=max(self.last_timestamp, later.last_timestamp),
            last_runtime=max(self.last_runtime, later.last_runtime),
            last={**self.last, **later.last},
            numbers=numbers,
        )


def usable_fold(fold: StreamFold) -> StreamFold:
    """The same fold as readers can take it: times that are none are 0; CorruptError for values that are none."""
    if not is_time(fold.last_timestamp):
        fold.last_timestamp = 0.0
    if not is_time(fold.last_runtime):
        fold.last_runtime = 0.0
    if not {type(value) for _, _, value in fold.last.values()} <= _CANONICAL or fold.row_count < 0:
        raise CorruptError(f"what {fold.row_count} rows come to holds values that are none")
    return fold


_CANONICAL = frozenset({int, float, bool, str, Json, type(None)})


class WriterState(msgspec.Struct):
    """Everything one writer has said, rows folded. `records` are (kind, body) in the order written."""

    writer: str
    header: PartHeader
    records: list[tuple[int, dict[str, Any]]] = []
    streams: dict[str, StreamFold] = {}

    @property
    def is_ended(self) -> bool:
        return any(kind == record.END for kind, _ in self.records)

    @property
    def is_primary(self) -> bool | None:
        """Whether its end is the run's end, where its settings said so."""
        starts = self.bodies(record.START)
        return Info(starts[-1]).is_primary if starts else None

    def bodies(self, kind: int) -> list[dict[str, Any]]:
        """Those of all its records of one kind."""
        return [body for known, body in self.records if known == kind]

    def followed_by(self, later: WriterState) -> WriterState:
        streams = dict(self.streams)
        for stream, fold in later.streams.items():
            streams[stream] = streams[stream].followed_by(fold) if stream in streams else fold
        return WriterState(self.writer, self.header, [*self.records, *later.records], streams)


def newest_generation(headers: Iterable[PartHeader]) -> tuple[str, str]:
    """(incarnation, generation) that readers see; ids sort by the time they were opened."""
    return max((header.incarnation, header.generation) for header in headers)


def members(writers: Iterable[WriterState], incarnation: str, generation: str) -> list[WriterState]:
    """Who made a generation, oldest first: the writers that a rewind took over, as of its cut, and then its own."""
    own = sorted(
        (w for w in writers if (w.header.incarnation, w.header.generation) == (incarnation, generation)),
        key=lambda w: w.writer,
    )
    cuts = [body for writer in own for body in writer.bodies(record.CUT)]
    return [*(state for body in cuts for state in taken_over(body)), *own]


def taken_over(cut: Mapping[str, Any]) -> list[WriterState]:
    """What a CUT record says of the writers whose rows were taken over."""
    return msgspec.convert(Cut(cut).writers, ready(list[WriterState]), dec_hook=part_header_of)


def highest_clock(writers: Iterable[WriterState]) -> int:
    """The latest clock in any record or row: an edit made now must come after it."""
    highest = 0
    for writer in writers:
        for _, body in writer.records:
            highest = max(highest, clock_of(body))
        for fold in writer.streams.values():
            highest = max(highest, int(fold.last_timestamp * 1e6))
    return highest


def fold_run(
    path: RunPath, writers: list[WriterState], liveness: Mapping[str, Liveness], *, generation: str | None = None
) -> RunInfo:
    """One generation of a run, the newest unless it is named.

    `liveness` says of writers that have not ended whether their process lives.
    """
    incarnation, newest = newest_generation(w.header for w in writers)
    generation = generation or newest
    writers = members(writers, incarnation, generation)
    records = in_time(writers)
    said = replayed(records)
    history = join_streams(writers, "history")
    events = join_streams(writers, "events")
    trainers = [w for w in writers if w.header.is_trainer]
    deciders = _deciders(trainers, liveness)
    return RunInfo(
        entity=path.entity,
        project=path.project,
        run_id=path.run_id,
        incarnation=incarnation,
        generation=generation,
        name=said.info.get("name") or path.run_id,
        state=_state_of(deciders, liveness, records),
        config=said.config,
        summary=_summary(writers, records, said.rules, history),
        system_metrics=_last_values(writers, "events"),
        tags=tuple(said.info.get("tags") or ()),
        metric_rules=tuple(said.rules.values()),
        alerts=tuple(said.alerts),
        created_at=min(w.header.created_at for w in writers),
        heartbeat_at=_heartbeat(trainers or writers),
        last_row_at=history.last_timestamp,
        runtime_s=max(history.last_runtime, events.last_runtime, _ended_runtime(trainers)),
        exit_code=_exit_code(deciders),
        last_step=history.last_step,
        row_count=history.row_count,
        event_count=events.row_count,
        console_line_count=join_streams(writers, "console").row_count,
        stop_requested=said.is_stop_requested,
        **{f: said.info.get(f) for f in INFO_FIELDS},
    )


_Record = tuple[int, str, int, int, dict[str, Any]]
"""A record in its time: clock, writer, its place among those of the writer, kind, body."""


def in_time(writers: Iterable[WriterState]) -> list[_Record]:
    """The records of all writers in the order of their clocks."""
    found = (
        (clock_of(body), writer.writer, index, kind, body)
        for writer in writers
        for index, (kind, body) in enumerate(writer.records)
    )
    return sorted(found, key=lambda r: r[:3])


class _Said(msgspec.Struct):
    """What records come to, one after the other."""

    info: dict[str, Any] = {}
    config: dict[str, Any] = {}
    rules: dict[str, MetricRule] = {}
    alerts: list[Alert] = []
    is_stop_requested: bool = False


def replayed(records: Iterable[_Record]) -> _Said:
    """What records in their order come to."""
    said = _Said()
    for _, _, _, kind, body in records:
        if kind in (record.START, record.INFO):
            said.info.update(Info(body).of_run(with_none=kind == record.INFO))
        if kind in (record.START, record.CONFIG):
            apply_edit(said.config, body)
        elif kind == record.DEFINE:
            rule = msgspec.convert(Define(body).rule, ready(MetricRule))
            said.rules[rule.name] = rule
        elif kind == record.ALERT:
            said.alerts.append(msgspec.convert(body, ready(Alert)))
        elif kind == record.STATE:
            said.is_stop_requested = said.is_stop_requested or StateChange(body).is_stop
    return said


_TREES = ("config", "summary", "system_metrics")


def pack_info(info: RunInfo) -> dict[str, Any]:
    """A `RunInfo` as plain data for another process; its trees may hold what msgpack cannot, like 80-bit integers."""
    fields: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(info, **{name: {} for name in _TREES}))
    return fields | {name: str(encode_json(getattr(info, name))) for name in _TREES}


def unpack_info(packed: Mapping[str, Any]) -> RunInfo:
    """The inverse of `pack_info`."""
    return msgspec.convert({**packed, **{name: decode_json(packed[name]) for name in _TREES}}, ready(RunInfo))


def _heartbeat(writers: list[WriterState]) -> float:
    """When the run last gave a sign of life; an edit by a reader is none."""
    return max([highest_clock(writers) / 1e6, *(float(w.header.created_at) for w in writers)])


def ruled_numbers(writers: list[WriterState], rules: Iterable[MetricRule]) -> dict[str, Numbers]:
    """Of the newest generation, by path, what the aggregates of its rules are made from."""
    mine = members(writers, *newest_generation(w.header for w in writers))
    by_name = {rule.name: rule for rule in rules}
    found = (
        (path, numbers, rule_for(path, by_name)) for path, numbers in join_streams(mine, "history").numbers.items()
    )
    return {path: numbers for path, numbers, rule in found if rule is not None and rule.summary}


def join_streams(writers: list[WriterState], stream: str) -> StreamFold:
    """The rows of all writers, folded."""
    joined = StreamFold()
    for writer in writers:
        if stream in writer.streams:
            joined = joined.followed_by(writer.streams[stream])
    return joined


def _summary(
    writers: list[WriterState],
    records: list[_Record],
    rules: Mapping[str, MetricRule],
    history: StreamFold,
) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for _, _, _, edit in summary_writes(writers, records, rules, history):
        apply_edit(summary, edit)
    return summary


def summary_writes(
    writers: list[WriterState],
    records: list[_Record],
    rules: Mapping[str, MetricRule],
    history: StreamFold,
) -> list[tuple[int, int, str, Mapping[str, Any]]]:
    """Last values (or the aggregates that a rule asks for) and edits in time: clock, 0 for an edit, writer, edit."""
    writes: list[tuple[int, int, str, Mapping[str, Any]]] = []
    for clock, writer, _, kind, body in records:
        if kind == record.SUMMARY:
            writes.append((clock, 0, writer, body))
    for state in writers:
        fold = state.streams.get("history")
        edits = [(edit.n, edit.clock) for edit in map(Record, state.bodies(record.SUMMARY))]
        after_us = int(state.header.after * 1e6) + 1  # its rows are later than those it goes on from
        for path, (n, timestamp_us, value) in (fold.last if fold else {}).items():
            clock = max([timestamp_us, after_us, *(edit_clock for edit_n, edit_clock in edits if edit_n <= n)])
            writes.append((clock, 1, state.writer, {"set": _summary_of(path, value, rules, history)}))
    return sorted(writes, key=lambda write: write[:3])


def claims_of_user(records: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[tuple[int, Any]]:
    """(clock, name) of all that says who began the run, in records of one journal and in those it takes over."""
    for kind, body in records:
        info = Info(body)
        if info.user is not None or (kind == record.INFO and info.names_user):
            yield info.clock, info.user
        if kind == record.CUT:
            for state in taken_over(body):
                yield from claims_of_user(state.records)


def _summary_of(path: str, value: Any, rules: Mapping[str, MetricRule], history: StreamFold) -> dict[str, Any]:
    rule = rule_for(path, rules)
    if rule is None or not rule.summary:
        return {path: value}
    return aggregates(path, value, rule, history.numbers.get(path))


def _last_values(writers: list[WriterState], stream: str) -> dict[str, Any]:
    values: dict[str, tuple[int, Any]] = {}
    for writer in writers:
        fold = writer.streams.get(stream)
        for path, (_, timestamp_us, value) in (fold.last if fold else {}).items():
            if path not in values or values[path][0] <= timestamp_us:
                values[path] = (timestamp_us, value)
    return {
        ".".join(split_path(path)): tree_of(value) if type(value) is Json else value
        for path, (_, value) in values.items()
    }


def _deciders(trainers: list[WriterState], liveness: Mapping[str, Liveness]) -> list[WriterState]:
    """The trainers whose ends are the run's end.

    Those of a session that others have gone on from do not count, unless they were seen alive after that. Of the rest
    the primary ones do, or where none is, all that did not say that they are not. Of a writer that a repair found in
    pieces the last one has its end.
    """
    last_piece = {_BEHIND_A_HOLE.sub("", writer): writer for writer in sorted(w.writer for w in trainers)}
    trainers = [w for w in trainers if w.writer in last_piece.values()]
    begun: dict[int, int] = {}
    for writer in trainers:
        begun[writer.header.session] = max(begun.get(writer.header.session, 0), _first_clock(writer))
    left = [
        writer
        for writer in trainers
        if liveness.get(writer.writer) == "alive"
        or not any(s > writer.header.session and clock > highest_clock([writer]) for s, clock in begun.items())
    ]
    for primary in (True, None):
        chosen = [writer for writer in left if writer.is_primary is primary]
        if chosen:
            return chosen
    return left


def _first_clock(writer: WriterState) -> int:
    return min((int(clock_of(body)) for _, body in writer.records), default=0)


def _state_of(
    trainers: list[WriterState],
    liveness: Mapping[str, Liveness],
    records: list[_Record],
) -> State:
    """Running while any trainer lives; crashed when one went without a word; else as they ended, the worst of it.

    A mark as preempting holds until another process goes on with the run; who then goes without a word was preempted.
    """
    if not trainers:
        states = [StateChange(body).state for _, _, _, kind, body in records if kind == record.STATE]
        return next((state for state in reversed(states) if state), "pending")
    open_trainers = [w for w in trainers if not w.is_ended]
    began = min((clock_of(body) for _, body in trainers[-1].records), default=math.inf)
    is_marked = any(
        kind == record.STATE and StateChange(body).state == "preempting" and clock > began
        for clock, _, _, kind, body in records
    )
    if any(liveness.get(w.writer) == "alive" for w in open_trainers):
        return "preempting" if is_marked else "running"
    if open_trainers:
        return "preempted" if is_marked else "crashed"
    return _last_end(trainers).state


def _exit_code(trainers: list[WriterState]) -> int | None:
    if not trainers or not all(w.is_ended for w in trainers):
        return None
    return _last_end(trainers).exit_code


def _last_end(trainers: list[WriterState]) -> End:
    """The END that says how writers ended: the last one of those that did not end well, or of all where all did."""
    ends = sorted(
        ((end.clock, w.writer, end) for w in trainers for end in map(End, w.bodies(record.END))),
        key=lambda end: end[:2],
    )
    return ([end for *_, end in ends if end.state != "finished"] or [end for *_, end in ends])[-1]


def _ended_runtime(trainers: list[WriterState]) -> float:
    return max((End(body).runtime_s for w in trainers for body in w.bodies(record.END)), default=0.0)
