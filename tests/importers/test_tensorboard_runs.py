"""Folders of event files as runs, as TensorBoard lists them."""

import os
import sys
from pathlib import Path

import pytest

from runlake.importers.bring import bring
from runlake.importers.tensorboard import LIVE_S, is_of, read
from runlake.model import RunPath
from runlake.service.local.service import LocalService

sys.path.append(str(Path(__file__).parents[1] / "libraries" / "event_files"))

from event_bytes import event, event_file, histogram, simple

NAME = "events.out.tfevents.1700000000.host.1.0"


def write(folder, *events, name=NAME, is_old=True):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(event_file(*events))
    if is_old:
        os.utime(file, (1000.0, 1000.0))
    return file


def numbers(steps, tag="loss"):
    return [event(step, simple(tag, step / 2), wall_time=100.0 + step) for step in steps]


@pytest.fixture
def service(tmp_path):
    return LocalService(tmp_path / "store", default_entity="ann")


def bring_all(service, place):
    return [bring(service, RunPath("ann", "p", foreign.run_id), foreign) for foreign in read(place)]


def values(service, run_id, key="loss"):
    history = service.read_history(RunPath("ann", "p", run_id))
    return history.step.tolist(), next(series.values.to_pylist() for series in history.series if series.key == key)


def test_each_folder_with_event_files_is_a_run(service, tmp_path):
    write(tmp_path / "logs" / "a" / "train", *numbers(range(3)))
    write(tmp_path / "logs" / "b", *numbers(range(2)))
    done = bring_all(service, tmp_path / "logs")
    assert [(one.path.run_id, one.kept_counts, one.is_ended) for one in done] == [
        ("a-train", {"history": 3}, True),
        ("b", {"history": 2}, True),
    ]
    assert values(service, "a-train") == ([0, 1, 2], [0.0, 0.5, 1.0])
    info = service.read_run(RunPath("ann", "p", "a-train"))
    assert (info.name, info.state, info.created_at) == ("a/train", "finished", 100.0)


def test_files_of_one_folder_follow_each_other_and_steps_may_go_back(service, tmp_path):
    write(tmp_path / "logs", *numbers(range(4)))
    write(tmp_path / "logs", *numbers([2, 3, 4]), name=NAME.replace("1700000000", "1700000500"))
    bring_all(service, tmp_path / "logs")
    assert values(service, "logs")[0] == [0, 1, 2, 3, 2, 3, 4]


def test_histograms_are_data_types(service, tmp_path):
    write(tmp_path / "logs", event(0, histogram("h", 0.0, 2.0, [1.0, 2.0], [3.0, 4.0])), *numbers([1]))
    bring_all(service, tmp_path / "logs")
    (text,) = [value for value in values(service, "logs", "h")[1] if value]
    assert '"_type":"histogram"' in text


def test_a_run_that_is_written_to_goes_on_with_the_next_import(service, tmp_path):
    write(tmp_path / "logs", *numbers(range(3)), is_old=False)
    (first,) = bring_all(service, tmp_path / "logs")
    (again,) = bring_all(service, tmp_path / "logs")
    write(tmp_path / "logs", *numbers(range(5)))
    (second,) = bring_all(service, tmp_path / "logs")
    assert (again.outcome, again.is_ended, again.is_whole) == ("same", False, True)
    assert (first.is_ended, second.outcome, second.is_ended, second.is_whole) == (False, "continued", True, True)
    assert values(service, "logs")[0] == list(range(5))
    assert LIVE_S > 0


def test_a_damaged_file_is_named_and_the_others_are_read(service, tmp_path):
    file = write(tmp_path / "logs" / "a", *numbers(range(9)))
    data = bytearray(file.read_bytes())
    data[-60] ^= 0xFF
    file.write_bytes(data[:40] + b"\0" * 40 + data[80:])
    os.utime(file, (1000.0, 1000.0))
    write(tmp_path / "logs" / "b", *numbers(range(2)))
    damaged, whole = bring_all(service, tmp_path / "logs")
    assert (damaged.is_whole, len(damaged.problems), whole.is_whole) == (False, 1, True)
    assert "cannot be read on at byte" in damaged.problems[0] or "is none" in damaged.problems[0]


def test_a_place_without_event_files_is_none(tmp_path):
    (tmp_path / "x.txt").write_text("x")
    assert not is_of(tmp_path)
    assert is_of(write(tmp_path / "logs"))
