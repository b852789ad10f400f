"""Databases of others are only read, whoever else has them open, and what is wrong with them is told."""

import shutil
import sqlite3

import pytest

from runlake.errors import BadValueError
from runlake.importers.database import is_database, open_database
from runlake.importers.foreign import project_of, run_id_of


def make(file, *, mode="delete", row_count=5):
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute(f"pragma journal_mode = {mode}")
    connection.execute("create table t (k text, v)")
    connection.execute("begin")
    connection.executemany("insert into t values (?, ?)", [(f"k{n % 2}", n) for n in range(row_count)])
    connection.execute("commit")
    return connection


def read(file, *arguments):
    with open_database(file) as database:
        return list(database.select("t", ("v",), *arguments))


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_rows_come_in_their_order_without_columns_that_are_not_there(tmp_path, mode):
    file = tmp_path / "odd name?#%.db"
    make(file, mode=mode, row_count=45_001).close()
    before = (sorted(tmp_path.iterdir()), file.read_bytes())
    assert [value for (value,) in read(file)] == list(range(45_001))
    assert len(read(file, "k = ?", ("k1",))) == 22_500
    with open_database(file) as database:
        assert next(iter(database.select("t", ("v", 'no"where')))) == (0, None)
        assert list(database.select("nothing", ("v",))) == []
    assert (sorted(tmp_path.iterdir()), file.read_bytes()) == before


def test_a_log_that_is_not_in_the_database_yet_is_read_too(tmp_path):
    writer = make(tmp_path / "a.db", mode="wal")
    writer.execute("insert into t values ('new', 7)")
    assert read(tmp_path / "a.db")[-1] == (7,)
    writer.close()


def test_who_writes_may_do_so_between_two_pieces(tmp_path):
    writer = make(tmp_path / "a.db", row_count=45_000)
    with open_database(tmp_path / "a.db") as database:
        rows = database.select("t", ("v",))
        next(rows)
        writer.execute("insert into t values ('new', 7)")
        assert len(list(rows)) == 45_000
    writer.close()


def test_what_a_killed_writer_left_is_told(tmp_path):
    writer = make(tmp_path / "a.db")
    writer.execute("pragma cache_size = 1")
    writer.execute("begin")
    writer.executemany("insert into t values (?, ?)", [("x" * 500, n) for n in range(2000)])
    for name in ("a.db", "a.db-journal"):
        shutil.copy(tmp_path / name, tmp_path / name.replace("a.", "killed."))
    writer.execute("rollback")
    writer.close()
    with pytest.raises(BadValueError, match="a process that was killed while it wrote"):
        read(tmp_path / "killed.db")


def test_what_is_none_or_damaged_says_so(tmp_path):
    (tmp_path / "text").write_text("no database")
    assert [is_database(tmp_path / name) for name in ("text", "gone", ".")] == [False] * 3
    with pytest.raises(BadValueError, match="text cannot be read as a SQLite database"):
        read(tmp_path / "text")
    make(tmp_path / "a.db", row_count=9_000).close()
    content = bytearray((tmp_path / "a.db").read_bytes())
    content[40_000:60_000] = b"\7" * 20_000
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(BadValueError, match=r"a\.db cannot be read: database disk image is malformed"):
        read(tmp_path / "a.db")


def test_names_of_others_are_names_here():
    names = ["mnist", "a/b:c", "..", "", " ", "\x00\n", "x" * 200, "\udce9"]
    assert [project_of(name) for name in names] == ["mnist", "a-b-c", "-", "-", "-", "--", "x" * 128, "-"]
    ids = [run_id_of(name) for name in (*names, "a:b/c", "../x")]
    assert ids[0] == "mnist"
    assert len(set(ids)) == len(ids)
    assert not any(set(name) & set("/\\#?%:\n\0") or name.strip() in ("", ".", "..") for name in ids)
