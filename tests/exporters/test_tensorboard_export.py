"""A run as an event file: read back by our own reader, and told what has no home there."""

from pathlib import Path

import pytest
from full_run import PATH, ROW_COUNT, full_store, values_of

from runlake.exporters.tensorboard import export_run
from runlake.exporters.trackers import export_runs
from runlake.importers.bring import bring
from runlake.importers.tensorboard import read
from runlake.integrations.tensorboard.record_file import frame_records, masked_crc32c, take_records
from runlake.model import RunPath
from runlake.service.local.service import LocalService


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return full_store(tmp_path_factory.mktemp("full"))


def test_frames_are_those_that_are_read_whatever_their_lengths():
    records = [bytes([n % 251]) * (n % 5) for n in range(100)] + [b"x" * 1000]
    data = frame_records(records)
    assert take_records(data) == (records, len(data))
    feet = [data[-4:], frame_records([b"x" * 1000])[-4:]]
    assert feet[0] == feet[1] == masked_crc32c(b"x" * 1000).to_bytes(4, "little")


def test_what_was_logged_comes_back(service, tmp_path):
    info = service.read_run(PATH)
    (found,) = (outcome for _, outcome in export_runs(service, [info], tmp_path / "tb", "tensorboard"))
    assert found.place.startswith(str(tmp_path / "tb" / "Run1" / "events.out.tfevents."))
    back = LocalService(tmp_path / "store", default_entity="ann")
    (foreign,) = read(tmp_path / "tb")
    bring(back, RunPath("ann", "p", "r"), foreign)
    run = back.read_run(RunPath("ann", "p", "r"))
    assert run.config == {
        "lr": 0.1, "model.layers": "[1,2]", "model.name": "é", "deep": True, "none": "null",
    }  # fmt: skip
    values = values_of(back, run.path)
    rows = list(range(ROW_COUNT))
    assert values["n", "f64"][1] == rows
    assert values["loss", "f64"][1] == [pytest.approx(1 / (n + 1), rel=1e-6) for n in rows]
    assert values[r"deep\.half", "f64"][1] == [n / 2 for n in rows]
    assert values[r"val/acc\.top1", "f64"][1] == rows
    assert values["ok", "f64"][1] == [float(n % 2 == 0) for n in rows]
    assert values["text", "str"][1] == ["hé"]
    assert {"nan", "inf", "hist", "picture", r"system\.cpu"} <= {key for key, _ in values}
    history = back.read_history(run.path)
    steps = service.read_history(PATH).step.tolist()
    assert [step for step in history.step.tolist() if step in steps][:ROW_COUNT] == steps[:ROW_COUNT]
    assert run.row_count >= ROW_COUNT + 1


def test_what_has_no_home_is_told_by_name_and_number(service, tmp_path):
    lost = export_run(service, service.read_run(PATH), tmp_path).lost
    rounded = sum(n not in (0, 1, 3, 7, 15, 31) for n in range(ROW_COUNT))
    assert lost == {
        "rounded number": rounded, "nested value": 1, "None": 1,
        "printed line": 2, "file": 1, "tag": 2, "note": 1,
    }  # fmt: skip


def test_the_same_run_gives_the_same_bytes_and_leaves_nothing_else(service, tmp_path):
    info = service.read_run(PATH)
    first = export_run(service, info, tmp_path)
    content = Path(first.place).read_bytes()
    (tmp_path / "events.out.tfevents.0000000007.runlake").write_bytes(b"of a run that was made anew")
    assert export_run(service, info, tmp_path) == first
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [content]
