"""What Neptune's exporter wrote, as runs."""

import json
import math
from datetime import UTC, datetime

import pytest
from imported import Imports
from neptune_files import SCHEMA, T0, point, safe, series, value, write

from runlake.errors import BadValueError
from runlake.importers import neptune
from runlake.model import METADATA_FILE

PROJECT = "acme/mnist é"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645"
    "400000000049454e44ae426082"
)
OWN = [
    value("sys/name", "string", "calm"), value("sys/custom_run_id", "string", "exp/1"),
    value("sys/creation_time", "datetime", datetime.fromtimestamp(T0, UTC)), value("sys/owner", "string", "ann"),
    value("sys/description", "string", "about it"), value("sys/tags", "string_set", ["a", "b"]),
    value("sys/failed", "bool", False), value("sys/running_time", "float", 12.5),
    value("sys/hostname", "string", "node-1"), value("monitoring/0/pid", "string", "7"),
]  # fmt: skip
PARAMETERS = [
    value("parameters/lr", "float", 0.1), value("parameters/layers", "int", 3),
    value("parameters/opt", "string", "adam"),
    value("parameters/flag", "bool", True), value("test/acc", "float", math.nan),
    value("parameters/since", "datetime", datetime(2024, 1, 2, tzinfo=UTC)),
]  # fmt: skip


@pytest.fixture
def imports(tmp_path):
    return Imports(tmp_path / "store")


@pytest.fixture
def export(tmp_path):
    return tmp_path / "exports"


def put(export, name, content):
    file = export / "files" / safe(PROJECT) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return {"path": name}


def test_all_that_was_exported_is_here(imports, export):
    histogram = {"type": "COUNTING", "edges": [0.0, 1.0, 2.0], "values": [3.0, 4.0]}
    picture = put(export, "exp_1/pictures/step_2.png", PNG)
    loss = series("loss", [1.0, 0.5, math.nan, math.inf])
    write(export / "data", PROJECT, "exp/1", [*OWN, *PARAMETERS], loss[:2])
    write(
        export / "data", PROJECT, "exp/1", loss[2:], series("val/acc", [0.1, 0.2]), series("Loss", [3.0]),
        [point("words", "string_series", 1, "é"), point("spread", "histogram_series", 2, histogram)],
        [point("monitoring/0/cpu", "float_series", 0, 50.0)],
        [point("monitoring/0/stdout", "string_series", 0, "hello\n")],
        [point("monitoring/0/stderr", "string_series", 1, "oh\nno")],
        [point("pictures", "file_series", 2, picture)],
        [
            value("model/weights", "file", put(export, "exp_1/model/weights.bin", b"123")),
            value("data", "file_set", {"path": "exp_1/set"}), value("gone", "file", {"path": "exp_1/gone"}),
            {"attribute_path": "code", "attribute_type": "git_ref"},
        ],
        part=1,
    )  # fmt: skip
    put(export, "exp_1/set/x.txt", b"x")
    assert imports.take(export) == ["new"]
    (done,) = imports.done
    run = imports.info("calm")
    assert (done.path.project, done.path.run_id[:6], done.is_whole) == ("mnist é", "exp-1-", True)
    assert (run.state, run.notes, run.tags, run.user, run.created_at) == ("finished", "about it", ("a", "b"), "ann", T0)
    assert math.isnan(run.config.pop("test/acc"))
    assert run.config == {
        "parameters/lr": 0.1, "parameters/layers": 3, "parameters/opt": "adam", "parameters/flag": True,
        "parameters/since": "2024-01-02T00:00:00+00:00",
    }  # fmt: skip
    rows = imports.rows("calm")
    assert [
        (step, {key: item for key, item in row.items() if key not in ("spread", "pictures")}) for step, row in rows
    ] == [
        (0, {"loss": 1.0, "val/acc": 0.1, "Loss": 3.0}),
        (1, {"loss": 0.5, "val/acc": 0.2, "words": "é"}),
        (2, {"loss": "nan"}),
        (3, {"loss": math.inf}),
    ]
    assert imports.times("calm") == [T0, T0 + 1, T0 + 2, T0 + 3]
    assert json.loads(rows[2][1]["spread"])["values"] == [3, 4]
    assert json.loads(rows[2][1]["pictures"])["_type"] == "image-file"
    assert imports.rows("calm", "events") == [(0, {r"system\.0/cpu": 50.0})]
    assert imports.lines("calm") == ["hello", "oh", "no"]
    files = imports.files("calm")
    assert {name: files[name] for name in ("model/weights.bin", "data/x.txt")} == {
        "model/weights.bin": b"123", "data/x.txt": b"x",
    }  # fmt: skip
    assert json.loads(files[METADATA_FILE])["neptune"]["monitoring/0/pid"] == "7"
    assert imports.lost() == ({"file that is gone": 1, "attribute of type git_ref": 1}, [])
    assert imports.take(export / "data") == ["same"]
    assert sum(one.file_bytes for one in imports.done) == 0


def test_steps_that_are_no_whole_numbers_keep_what_they_were(imports, export):
    write(export, PROJECT, "r", [point("loss", "float_series", step, step) for step in (0.5, 1, 1.25)])
    imports.take(export)
    assert imports.rows("r") == [(0, {"loss": 0.5, "step": 0.5}), (1, {"loss": 1.0}), (1, {"loss": 1.25, "step": 1.25})]


def test_points_of_one_step_that_were_logged_apart_are_rows_of_their_own(imports, export):
    points = [
        point(key, "float_series", 0, 1.0, seconds) for key, seconds in (("a", 0), ("b", 0.9), ("c", 1.1), ("a", 1.2))
    ]
    write(export, PROJECT, "r", points)
    imports.take(export)
    assert imports.rows("r") == [(0, {"a": 1.0, "b": 1.0}), (0, {"c": 1.0, "a": 1.0})]


def test_a_run_that_failed_and_a_fork_say_so(imports, export):
    own = [value("sys/failed", "bool", True), value("sys/forking/parent", "string", "RUN-1")]
    write(export, PROJECT, "RUN-2", own, series("loss", [1.0]))
    imports.take(export)
    run = imports.info("RUN-2")
    assert (run.state, run.group) == ("failed", "RUN-1")
    assert list(imports.lost()[0]) == ["fork, of which the rows before it stay with the parent"]


def test_runs_that_share_a_file_are_told_apart(imports, export):
    first = write(
        export, PROJECT, "x", [{"run_id": f"r{n % 2}", **row} for n, row in enumerate(series("loss", [0, 1, 2, 3]))]
    )
    first.rename(first.with_name("part_0.parquet"))
    assert imports.take(export) == ["new", "new"]
    assert imports.rows("r1") == [(1, {"loss": 1.0}), (3, {"loss": 3.0})]


def test_what_is_damaged_or_unfinished_is_named_and_the_rest_comes(imports, export):
    write(export, PROJECT, "good", series("loss", [1.0]))
    damaged = write(export, PROJECT, "damaged", series("loss", [1.0]))
    damaged.write_bytes(b"PAR1" + b"\7" * 50)
    write(export, PROJECT, "half", series("loss", [1.0]), part=1)
    begun = write(export, PROJECT, "begun", series("loss", [1.0]))
    begun.rename(begun.with_name(f"{begun.name}.tmp"))
    write(export, PROJECT, "newer", [], schema=SCHEMA.remove(SCHEMA.get_field_index("step")))
    registry = begun.parent / "models"
    registry.mkdir()
    (registry / "m_part_0.parquet").write_bytes(b"")
    assert imports.take(export) == ["new"]
    assert sorted((left.what, left.is_damage) for left in imports.left_out) == [
        ("entry", False), ("run", True), ("run", True), ("run", True), ("run", True),
    ]  # fmt: skip
    assert any("has no column step" in left.why for left in imports.left_out)


def test_no_file_outside_of_the_export_is_read(imports, export, tmp_path):
    (tmp_path / "secret").write_text("x")
    write(export / "data", PROJECT, "r", [value("a", "file", {"path": "../../../secret"}), *series("loss", [1.0])])
    imports.take(export)
    assert list(imports.files("r")) == [METADATA_FILE]
    assert imports.lost()[0] == {"file that is gone": 1}


def test_other_parquet_files_are_none(tmp_path):
    write(tmp_path, PROJECT, "r", [], schema=SCHEMA.remove(0))
    assert not neptune.is_of(tmp_path)
    with pytest.raises(BadValueError, match="no Parquet files of Neptune's exporter"):
        next(neptune.read(tmp_path))
