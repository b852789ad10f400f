"""What Trackio left in its databases, and the Parquet files made of them, as runs."""

import shutil
import sqlite3
import time

import pytest
from imported import Imports, unpacked
from peer_expectations import check_trackio

from runlake.errors import BadValueError
from runlake.importers import trackio

OUTSIDE = '{"_type":"trackio.image","file_path":"../../mnist.db"}'
LONG_AGO = "2023-01-01T00:00:00+00:00"


@pytest.fixture
def imports(tmp_path):
    return Imports(tmp_path / "store")


@pytest.fixture
def folder(tmp_path):
    return unpacked("trackio-0.43.0", tmp_path / "trackio")


def change(database, *statements):
    connection = sqlite3.connect(database, isolation_level=None)
    for statement in [*statements, "pragma wal_checkpoint(truncate)"]:
        connection.execute(statement).fetchall()
    connection.close()


def ended(folder):
    """As if the runs had been written long ago."""
    change(
        folder / "mnist.db",
        *[f"update {table} set timestamp = '{LONG_AGO}'" for table in ("metrics", "system_metrics", "alerts")],
    )


def test_all_that_was_tracked_is_here(imports, folder):
    ended(folder / "database")
    assert imports.take(folder / "database") == ["new", "new"]
    check_trackio(imports, has_artifacts=True)
    calm = imports.info("calm")
    assert (calm.state, [(alert.title, alert.text, alert.level) for alert in calm.alerts]) == (
        "finished", [("high", "loss", "WARN")],
    )  # fmt: skip
    assert imports.take(folder / "database") == ["same", "same"]
    assert sum(one.file_bytes for one in imports.done) == 0


def test_the_parquet_files_say_the_same(imports, folder):
    assert imports.take(folder / "parquet") == ["new", "new"]
    check_trackio(imports, has_artifacts=False)
    assert {one.path.run_id for one in imports.done} == set(run_ids(folder / "database" / "mnist.db"))


def run_ids(database):
    with sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True) as connection:
        found = [row[0] for row in connection.execute("select run_id from configs")]
    connection.close()
    return found


def test_nothing_is_left_beside_a_database(imports, folder):
    before = sorted(folder.rglob("*"))
    imports.take(folder / "database" / "mnist.db")
    assert sorted(folder.rglob("*")) == before


def test_a_run_that_was_written_to_lately_goes_on(imports, folder):
    database = folder / "database" / "mnist.db"
    ended(folder / "database")
    lately = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    change(database, f"update metrics set timestamp = '{lately}' where run_name = 'second'")
    imports.take(database)
    assert imports.info("second").state == "running"
    assert imports.take(database) == ["same", "same"]
    change(
        database,
        "insert into metrics (run_id, timestamp, run_name, step, metrics) "
        f"select run_id, '{lately}', run_name, 1, '{{\"loss\": 6.5}}' from metrics where run_name = 'second'",
    )
    assert imports.take(database) == ["same", "continued"]
    assert imports.rows("second") == [(0, {"loss": 7.0}), (1, {"loss": 6.5})]


def test_a_database_without_run_ids_is_one_of_older_versions(imports, folder):
    database = folder / "database" / "mnist.db"
    with sqlite3.connect(database) as connection:
        found = connection.execute("select name from sqlite_master where type = 'index' and sql is not null").fetchall()
    connection.close()
    change(
        database,
        *[f"drop index {name}" for (name,) in found],
        "alter table metrics drop column run_id",
        "alter table system_metrics drop column run_id",
        "create table c as select id, run_name, config from configs",
        "drop table configs",
        "alter table c rename to configs",
        "drop table alerts",
        "drop table artifact_versions",
    )
    imports.take(database)
    assert [one.path.run_id for one in imports.done] == ["calm", "second"]
    assert imports.info("calm").config == {"lr": 0.1, "opt": {"name": "adam"}}


def test_a_damaged_row_and_a_file_that_is_gone_are_named_and_the_rest_comes(imports, folder):
    change(
        folder / "database" / "mnist.db",
        "update metrics set metrics = '{no json' where step = 1",
        f"update metrics set metrics = '{{\"x\": {OUTSIDE}}}' where step = 2",
    )
    shutil.rmtree(folder / "database" / "media")
    imports.take(folder / "database")
    lost, problems = imports.lost()
    assert [problem.partition(" cannot")[0] for problem in problems] == ["row 1 of the table metrics"]
    assert (lost["image whose file is gone"], lost["audio whose file is gone"]) == (3, 1)
    assert imports.rows("calm")[1:3] == [(1, {}), (2, {"x": OUTSIDE})]


def test_a_picture_that_is_none_is_named_and_what_was_said_of_it_is_kept(imports, folder):
    for picture in (folder / "database" / "media").rglob("*.png"):
        picture.write_bytes(b"no picture")
    imports.take(folder / "database")
    assert [problem.partition(":")[0] for problem in imports.lost()[1]][:1] == ["img of step 4"]
    kept = {key: value for key, value in imports.rows("calm")[4][1].items() if key.startswith("img")}
    assert "trackio.image" in str(kept)


def test_a_damaged_project_is_named_and_the_others_come(imports, folder):
    database = folder / "database" / "mnist.db"
    other = folder / "database" / "other.db"
    shutil.copy(database, other)
    content = bytearray(other.read_bytes())
    content[8192:] = b"\7" * (len(content) - 8192)
    other.write_bytes(content)
    imports.take(folder / "database")
    assert {one.path.project for one in imports.done} == {"mnist"}
    assert [(left.what, left.why[:6], left.is_damage) for left in imports.left_out] == [("project", "other:", True)]


def test_what_is_none_says_so(tmp_path):
    (tmp_path / "a.db").write_bytes(b"no database")
    assert not trackio.is_of(tmp_path)
    with pytest.raises(BadValueError, match="holds no database of Trackio"):
        next(trackio.read(tmp_path))
