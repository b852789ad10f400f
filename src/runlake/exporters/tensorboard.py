"""Runs as event files of TensorBoard: a folder a run, called like it.

Numbers are scalars, texts are texts, histograms and images are what they are; the config is the hyperparameters of the
run, and a text beside them. An event holds all that a row has. Scalars of an event file have 32 bits: how many numbers
are rounded by that is told. The same run gives the same bytes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runlake.errors import NotFoundError
from runlake.exporters.columns import Piece, kind_of, stretches
from runlake.exporters.wire_bytes import field, varint
from runlake.exporters.written import Written, remove_others, replacing
from runlake.integrations.tensorboard.record_file import frame_records
from runlake.model import RunInfo
from runlake.query.rows.dicts import read_python
from runlake.query.rows.history import History
from runlake.service.contract import Service
from runlake.store.arrow import to_numpy
from runlake.values import encode_json, flatten, plain_name

RECORDS_AT_ONCE = 4096
_DT_STRING = 7
_STATUS = {"finished": 1, "failed": 2, "killed": 2, "crashed": 2, "preempted": 2}
_COLOURS = 3


def export_run(service: Service, info: RunInfo, folder: Path) -> Written:
    """Write the event file of a run into `folder`, in the place of what an export left there."""
    place = folder / f"events.out.tfevents.{int(info.created_at):010d}.runlake"
    events = _Events(service, info)
    with replacing(place) as file:
        for records in _batches(events.records()):
            file.write(frame_records(records))
    remove_others(folder, "events.out.tfevents.*.runlake", [place])
    for what, count in (
        ("printed line", info.console_line_count),
        ("file", sum(not file.name.startswith("media/") for file in service.list_files(info.path))),
        ("tag", len(info.tags)),
        ("note", int(bool(info.notes))),
        ("logged artifact", len(service.list_run_artifacts(info.path, "logged"))),
    ):
        if count:
            events.lost[what] += count
    return Written(path=info.path, place=str(place), row_count=info.row_count, lost=dict(events.lost))


def _batches(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for record in records:
        batch.append(record)
        if len(batch) == RECORDS_AT_ONCE:
            yield batch
            batch = []
    yield batch


class _Events:
    """The events of one run."""

    def __init__(self, service: Service, info: RunInfo) -> None:
        self._service, self._info = service, info
        self._known_texts: set[str] = set()
        self.lost: Counter[str] = Counter()

    def records(self) -> Iterator[bytes]:
        """All of them, in the order in which they stand in the file."""
        started_at = self._info.created_at
        yield field(1, started_at) + field(3, "brain.Event:2")
        config = {plain_name(path): value for path, value in flatten(self._info.config, stringify_keys=True).items()}
        yield _event(started_at, 0, [_hyperparameters(self._info.run_id, config, started_at)])
        if config:
            text = f"```json\n{encode_json(self._info.config)}\n```"
            yield _event(started_at, 0, [_tensor_of_text("config/text_summary", text)])
        yield from self._rows(self._service.read_history(self._info.path))
        events = self._service.read_history(self._info.path, stream="events")
        yield from self._rows(events)
        status = _STATUS.get(self._info.state)
        if status is not None:
            ended_at = started_at + self._info.runtime_s
            yield _event(ended_at, 0, [_session_end(status, ended_at)])

    def _rows(self, history: History) -> Iterator[bytes]:
        assert history.timestamp is not None
        steps, times = history.step.tolist(), history.timestamp.tolist()
        for start, stop, pieces in stretches(history):
            values: list[list[bytes]] = [[] for _ in range(stop - start)]
            for piece in pieces:
                for row, value in zip(piece.rows.tolist(), self._values(piece, steps, start), strict=True):
                    if value:
                        values[row].append(value)
            for row, found in enumerate(values, start):
                if found:
                    yield _event(times[row], steps[row], found)

    def _values(self, piece: Piece, steps: Sequence[int], start: int) -> Iterable[bytes]:
        """Each value as the field of a summary; nothing for one that has no home there."""
        if piece.lane in ("f64", "i64", "bool"):
            return self._scalars(piece)
        return (self._other(piece.name, value) for value in read_python(piece.lane, piece.values))

    def _scalars(self, piece: Piece) -> Iterable[bytes]:
        numbers = to_numpy(piece.values)
        with np.errstate(over="ignore"):
            short = numbers.astype("<f4")
        is_same = (short.astype(np.float64) == numbers) | (numbers != numbers)
        if rounded_count := len(numbers) - int(np.count_nonzero(is_same)):
            self.lost["rounded number"] += rounded_count
        tag = field(1, piece.name)
        head = b"\x0a" + varint(len(tag) + 5) + tag + b"\x15"
        content = short.tobytes()
        return [head + content[at : at + 4] for at in range(0, len(content), 4)]

    def _other(self, name: str, value: Any) -> bytes:
        kind = value.get("_type") if isinstance(value, dict) else None
        if isinstance(value, str):
            is_known = name in self._known_texts
            self._known_texts.add(name)
            return field(1, _text(name, value, is_known=is_known))
        if kind == "histogram" and "values" in value and "bins" in value:
            return field(1, field(1, name) + field(5, _histogram(value["values"], value["bins"])))
        if kind in ("image-file", "images/separated"):
            return b"".join(self._image(name, number, *file) for number, file in enumerate(_files(value)))
        self.lost["None" if value is None else kind_of(value)] += 1
        return b""

    def _image(self, name: str, number: int, path: str, width: int, height: int) -> bytes:
        try:
            with self._service.open_file(self._info.path, path) as file:
                content = file.read()
        except NotFoundError:
            self.lost["missing image"] += 1
            return b""
        image = field(1, height) + field(2, width) + field(3, _COLOURS) + field(4, content)
        return field(1, field(1, name if number == 0 else f"{name}/{number}") + field(4, image))


def _event(at: float, step: int, values: Sequence[bytes]) -> bytes:
    summary = b"".join(values)
    return field(1, float(at)) + field(2, int(step)) + b"\x2a" + varint(len(summary)) + summary


def _text(name: str, text: str, *, is_known: bool) -> bytes:
    tensor = field(1, _DT_STRING) + field(2, field(2, field(1, 1))) + field(8, text)
    plugin = b"" if is_known else field(9, field(1, field(1, "text")))
    return field(1, name) + field(8, tensor) + plugin


def _tensor_of_text(name: str, text: str) -> bytes:
    return field(1, _text(name, text, is_known=False))


def _of_plugin(tag: str, content: bytes) -> bytes:
    """A value that is nothing but what a plugin keeps, with the empty tensor that goes with it."""
    metadata = field(1, field(1, "hparams") + field(2, content))
    return field(1, field(1, tag) + field(8, field(1, 1) + field(2, field(2, field(1, 0)))) + field(9, metadata))


def _hyperparameters(name: str, config: dict[str, Any], started_at: float) -> bytes:
    """What a session was started with: numbers, texts and booleans as they are, and the rest as JSON."""
    entries = []
    for key, value in config.items():
        if isinstance(value, bool):
            found = field(4, value)
        elif isinstance(value, int | float):
            found = field(2, float(value))
        else:
            found = field(3, value if isinstance(value, str) else str(encode_json(value)))
        entries.append(field(1, field(1, key) + field(2, found)))
    start = b"".join(entries) + field(4, name) + field(5, float(started_at))
    return _of_plugin("_hparams_/session_start_info", field(1, 0) + field(3, start))


def _session_end(status: int, at: float) -> bytes:
    return _of_plugin("_hparams_/session_end_info", field(1, 0) + field(4, field(1, status) + field(2, float(at))))


def _histogram(counts: Sequence[float], edges: Sequence[float]) -> bytes:
    """A histogram by the upper ends of its buckets; the first of them, which is empty, ends where the values begin."""
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    total = float(sum(counts))
    weighted = sum(count * middle for count, middle in zip(counts, middles, strict=True))
    squares = sum(count * middle * middle for count, middle in zip(counts, middles, strict=True))
    facts = (float(edges[0]), float(edges[-1]), total, float(weighted), float(squares))
    ends = np.asarray(edges, dtype="<f8").tobytes()
    weights = np.asarray([0.0, *counts], dtype="<f8").tobytes()
    return b"".join(field(number, fact) for number, fact in enumerate(facts, 1)) + field(6, ends) + field(7, weights)


def _files(value: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    """(path, width, height) of each image of a stored value."""
    names = value.get("filenames") if value["_type"] == "images/separated" else [value.get("path")]
    for name in names or ():
        if isinstance(name, str):
            yield name, int(value.get("width") or 0), int(value.get("height") or 0)
