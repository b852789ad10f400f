"""What MLflow left in its database and in its file store, as runs."""

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from imported import Imports, unpacked
from peer_expectations import check_mlflow, check_mlflow_model

from runlake.errors import BadValueError
from runlake.importers.mlflow import read
from runlake.importers.mlflow_run import artifact_folder, typed

VERSIONS = ("1.30.1", "2.22.0", "3.17.2")


@pytest.fixture
def imports(tmp_path):
    return Imports(tmp_path / "store")


@pytest.fixture
def database(tmp_path):
    folder = unpacked("mlflow-1.30.1", tmp_path / "mlflow") / "database"
    old(folder)
    return folder / "mlflow.db"


@pytest.fixture
def files(tmp_path):
    folder = unpacked("mlflow-1.30.1", tmp_path / "mlflow") / "files" / "mlruns"
    old(folder)
    return folder


def old(folder):
    """As if nobody had written there for long."""
    for place, _, names in os.walk(folder):
        for name in names:
            os.utime(Path(place, name), (1_700_000_000, 1_700_000_000))


def change(database, *statements):
    with sqlite3.connect(database) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    old(database.parent)


@pytest.mark.parametrize("form", ["database", "files"])
@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_was_tracked_is_here(imports, tmp_path, version, form):
    folder = unpacked(f"mlflow-{version}", tmp_path / "mlflow") / form
    old(folder)
    outcomes = imports.take(folder)
    with_model = version != "1.30.1" and form == "database"
    assert outcomes == ["new"] * (5 if with_model else 4)
    if with_model:
        check_mlflow_model(imports, is_logged=version >= "3")
        imports.done = [one for one in imports.done if one.path.project != "models"]
    check_mlflow(imports)
    assert set(imports.take(folder)) == {"same"}


def test_a_second_import_brings_nothing_and_leaves_nothing_beside_the_database(imports, database):
    before = (sorted(database.parent.rglob("*")), database.read_bytes())
    imports.take(database)
    imports.take(database)
    assert sum(one.file_bytes for one in imports.done) == 0
    assert [one.outcome for one in imports.done] == ["same"] * 4
    assert (sorted(database.parent.rglob("*")), database.read_bytes()) == before


def test_a_run_that_goes_on_comes_with_the_next_import(imports, database):
    imports.take(database)
    assert imports.rows("open") == [(0, {"loss": 7.0})]
    run_id = imports.paths()["open"].run_id
    change(
        database,
        f"insert into metrics values ('loss', 6.5, 1700000005000, '{run_id}', 1, 0)",
        f"insert into params values ('late', '1', '{run_id}')",
        f"update runs set status = 'FINISHED', end_time = 1700000006000 where run_uuid = '{run_id}'",
    )
    assert sorted(imports.take(database)) == ["continued", "same", "same", "same"]
    open_run = imports.info("open")
    assert (open_run.state, open_run.config) == ("finished", {"late": 1})
    assert imports.rows("open") == [(0, {"loss": 7.0}), (1, {"loss": 6.5})]


def test_rows_that_may_not_be_complete_are_held_back_and_told(imports, database):
    os.utime(database)
    with sqlite3.connect(database) as connection:
        connection.execute("update metrics set timestamp = 9999999999000 where value = 7.0")
    connection.close()
    imports.take(database)
    assert (imports.rows("open"), imports.lost()[0]) == ([], {"held-back row": 1})


def test_who_writes_to_the_database_meanwhile_is_not_kept_waiting(imports, database):
    written = []

    def write():
        with sqlite3.connect(database, timeout=5) as connection:
            connection.execute("update experiments set name = 'other' where name = 'Default'")
        connection.close()
        written.append(True)

    foreign_runs = read(database)
    foreign = next(foreign_runs)
    said = iter(foreign.said)
    next(said)
    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert written == [True]
    assert len(list(said)) == 7
    assert len(list(foreign_runs)) == 4


def test_a_deleted_experiment_is_left_out(imports, files, database):
    change(database, "update experiments set lifecycle_stage = 'deleted' where name <> 'Default'")
    assert imports.take(database) == []
    assert [left.what for left in imports.left_out] == ["run"] * 5
    meta = next(file for file in files.glob("*/meta.yaml") if "mnist" in file.read_text("utf-8"))
    meta.write_text(meta.read_text("utf-8").replace("active", "deleted"), "utf-8")
    assert imports.take(files) == []
    assert [(left.what, left.why) for left in imports.left_out] == [("experiment", "mnist/é: deleted in MLflow")]


def test_an_older_schema_without_newer_tables_and_columns_is_read(imports, database):
    change(
        database,
        "drop table latest_metrics",
        "drop table tags",
        "create table plain as select run_uuid, key, value, timestamp from metrics where is_nan = 0",
        "drop table metrics",
        "alter table plain rename to metrics",
    )
    imports.take(database)
    assert imports.rows("child") == [(0, {"loss": 2.0})]
    assert imports.info("child").group is None


def test_a_newer_schema_says_what_is_missing(database):
    change(database, "alter table metrics rename column value to worth")
    with pytest.raises(BadValueError, match="no table metrics with the columns run_uuid, key, value, timestamp"):
        Imports(database.parent / "store").take(database)


def test_rows_of_tables_without_a_home_are_counted(imports, database):
    change(database, "create table traces_of_then (x)", "insert into traces_of_then values (1), (2)")
    imports.take(database)
    assert [(left.what, left.why, left.item_count) for left in imports.left_out[1:]] == [
        ("row", "of the table traces_of_then: no home here", 2)
    ]


def test_models_that_are_of_no_run_are_counted(imports, tmp_path):
    database = unpacked("mlflow-3.17.2", tmp_path / "mlflow") / "database" / "mlflow.db"
    change(database, "update model_versions set run_id = null", "update logged_models set source_run_id = null")
    imports.take(database)
    assert [(left.what, left.why, left.item_count) for left in imports.left_out[1:]] == [
        ("model version", "of the table model_versions: it is of no run", 1),
        ("model", "of the table logged_models: it is of no run", 1),
    ]


def test_a_damaged_database_says_so(tmp_path, database):
    content = bytearray(database.read_bytes())
    content[4096:] = b"\7" * (len(content) - 4096)
    database.write_bytes(content)
    with pytest.raises(BadValueError, match=r"mlflow\.db"):
        Imports(tmp_path / "store").take(database)


def test_a_damaged_file_is_named_and_the_rest_comes(imports, files):
    parent = next(file.parents[1] for file in files.rglob("Loss"))
    (parent / "metrics" / "loss").write_text("1700000000000 1.0 0\nno number\n1700000001000 0.5 1\n170000")
    child = next(file.parents[1] for file in files.rglob("mlflow.parentRunId"))
    (child / "meta.yaml").write_text("{ no yaml")
    imports.take(files)
    assert "child" not in imports.paths()
    assert [left.is_damage for left in imports.left_out].count(True) == 1
    ((_, problems),) = [(one, one.problems) for one in imports.done if one.problems]
    assert len(problems) == 1
    assert "line 2 is no point of a metric: 'no number'" in problems[0]
    assert [row for row in imports.rows("parent") if "loss" in row[1]] == [
        (0, {"loss": 1.0, "val/acc": 0.0}),
        (1, {"loss": 0.5, "val/acc": 0.1}),
    ]


def test_no_folder_is_read_that_is_not_called_as_that_of_the_run(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("x")
    run = tmp_path / "0" / "abc" / "artifacts"
    run.mkdir(parents=True)
    for uri in (str(secret), secret.as_uri(), "s3://bucket/abc/artifacts", f"{run}/../../../secret"):
        found = artifact_folder(uri, "abc", "0", [])
        assert found is None, uri
    assert artifact_folder(run.as_uri(), "abc", "0", []) == run
    assert artifact_folder("mlflow-artifacts:/0/abc/artifacts", "abc", "0", [tmp_path]) == run
    assert artifact_folder(str(run), "../abc", "0", [tmp_path]) is None


def test_links_among_artifacts_are_named_and_not_followed(imports, files, tmp_path):
    note = next(files.rglob("note.txt"))
    (note.parent / "link").symlink_to(tmp_path)
    imports.take(files)
    assert len(imports.lost()[1]) == 1
    assert "is a link" in imports.lost()[1][0]
    assert "texts/note.txt" in imports.files("parent")


def test_a_parameter_is_what_it_was_before_it_became_text():
    texts = ["1", "-3", "0.1", "1e-05", "True", "False", "007", "0.10", "nan", "inf", "None", "[1]", "", "1_000", " 1"]
    assert [typed(text) for text in texts] == [
        1, -3, 0.1, 1e-05, True, False, "007", "0.10", "nan", "inf", "None", "[1]", "", "1_000", " 1",
    ]  # fmt: skip
