"""Names in the database: one life of a run id at a time, and a trash from which it comes back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runlake.errors import ConflictError, NotFoundError, PathError
from runlake.model import RunPath
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.journal.journal import PartName

HOSTILE = ["Ünï", "a b", "x'; drop table runs; --", "UPPER", "upper", "😀" * 120, "a.b%c".replace("%", "~"), "$1", "{}"]


def test_names_come_back_sorted_and_as_they_were_given(names, new_path):
    entity = new_path.entity
    assert (names.projects(entity), names.run_ids(entity, "p")) == ([], [])
    for name in HOSTILE:
        names.make_run(RunPath(entity, name[:100], name))
    assert entity in names.entities()
    assert names.projects(entity) == sorted(name[:100] for name in HOSTILE)
    assert [names.run_ids(entity, name[:100]) for name in HOSTILE] == [[name] for name in HOSTILE]


def test_a_run_id_of_the_greatest_length_is_found(names, new_path, begin_run):
    long = "".join(chr(0x4E00 + number) for number in range(1024))
    path = new_path._replace(run_id=long)
    begin_run(path, "i1")
    assert (names.run_ids(*path[:2]), names.read_claim(path)) == ([long], "i1")


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "", "a/b"])
def test_what_cannot_be_a_name_is_refused_and_not_found(names, new_path, name):
    path = new_path._replace(run_id=name)
    with pytest.raises(PathError):
        names.make_run(path)
    with pytest.raises((PathError, NotFoundError)):
        names.delete(path)


def test_the_first_claim_is_everybodys(names, new_path, begin_run):
    assert names.read_claim(new_path) is None
    names.make_run(new_path)
    assert names.read_claim(new_path) is None
    assert [begin_run(new_path, candidate) for candidate in ("i1", "i2")] == ["i1", "i1"]
    assert names.read_claim(new_path) == "i1"


def test_a_claim_holds_any_text(new_path, begin_run):
    assert begin_run(new_path, "a\0\\b\ud800") == "a\0\\b\ud800"
    assert begin_run(new_path, "other") == "a\0\\b\ud800"


def test_of_many_who_claim_at_once_one_is_first(names, new_path, begin_run):
    start = threading.Barrier(8)

    def claim(number):
        start.wait()
        return begin_run(new_path, f"i{number}")

    with ThreadPoolExecutor(8) as pool:
        claimed = set(pool.map(claim, range(8)))
    assert claimed == {names.read_claim(new_path)}
    assert names.run_ids(*new_path[:2]) == ["r"]


def test_a_deleted_run_is_in_the_trash_and_its_id_is_free(names, new_path, begin_run):
    begin_run(new_path, "i1")
    deleted = names.delete(new_path)
    assert (deleted.path, deleted.incarnation) == (new_path, "i1")
    assert deleted in names.list_deleted()
    assert (names.run_ids(*new_path[:2]), names.read_claim(new_path)) == ([], None)
    assert begin_run(new_path, "i2") == "i2"


def test_only_the_life_that_is_meant_is_deleted(names, new_path, begin_run):
    begin_run(new_path, "i1")
    with pytest.raises(NotFoundError, match="was deleted by somebody else"):
        names.delete(new_path, "i2")
    names.delete(new_path, "i1")
    with pytest.raises(NotFoundError):
        names.delete(new_path)


def test_a_run_comes_back_from_the_trash_once(names, new_path, begin_run):
    begin_run(new_path, "i1")
    deleted = names.delete(new_path)
    assert names.restore(deleted.run_no) == new_path
    assert names.read_claim(new_path) == "i1"
    with pytest.raises(NotFoundError, match="there is no deleted run"):
        names.restore(deleted.run_no)


def test_a_run_comes_back_under_another_path_when_its_own_is_taken(names, new_path, begin_run):
    begin_run(new_path, "i1")
    deleted = names.delete(new_path)
    begin_run(new_path, "i2")
    with pytest.raises(ConflictError, match="there is a run of that id again"):
        names.restore(deleted.run_no)
    other = new_path._replace(project="q", run_id="s")
    assert names.restore(deleted.run_no, other) == other
    assert (names.read_claim(new_path), names.read_claim(other)) == ("i2", "i1")


def test_a_run_that_is_purged_leaves_nothing_and_does_not_come_back(names, new_path, begin_run, database):
    begin_run(new_path, "i1")
    journal = PostgresJournal(database, new_path)
    journal.create_part(PartName("w", 0)).write(b"abc")
    run_no = {"run_no": names.delete(new_path).run_no}
    database.write("insert into segment_files values (%(run_no)s, 'f', 'the key', 1)", run_no)
    assert names.purge(run_no["run_no"]) == ["the key"]
    assert names.purge(run_no["run_no"]) == []
    assert [run for run in names.list_deleted() if run.path == new_path] == []
    for table in ("parts", "chunks", "served", "segment_files"):
        assert database.read(f"select count(*) from {table} where run_no = %(run_no)s", run_no) == [(0,)]
    with pytest.raises(NotFoundError, match="there is no deleted run"):
        names.restore(run_no["run_no"])
