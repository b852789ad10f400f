"""A project that gets another name in the database: there is no verb for that, and it is the right data or none."""

import io

import pytest

from runlake.errors import NotFoundError
from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.store.cluster.comparison import Comparison

SEALED, LIVING = RunPath("ann", "mnist", "sealed"), RunPath("ann", "mnist", "living")
RENAME = "update projects set name = 'mnist2', project_key = 'mnist2' where project_key = 'mnist'"


def batch(first, count, **more):
    rows = [LoggedRow(n, 1000.0 + n, float(n), {"loss": n / 4}) for n in range(first, first + count)]
    return WriterBatch(rows={"history": rows}, first_n={"history": first}, **more)


def renamed(path):
    return path._replace(project="mnist2")


def told(service, project):
    """All that is said of the runs of a project."""
    return {
        run.run_id: (run.path.project, run.row_count, run.summary["loss"], service.read_history(run.path).step.tolist())
        for run in service.list_runs("ann", project).runs
    }


@pytest.fixture
def replicas(new_replica):
    """Two that know a sealed run with a file, one that is written, and the project's name as it was."""
    one, other = new_replica(), new_replica()
    for path in (SEALED, LIVING):
        one.write_batch(path, one.begin_writer(path, WriterStart()).writer, batch(0, 10))
    one.write_batch(SEALED, one.find_writer(SEALED).writer, WriterBatch(exit_code=0))
    list(one.seal("ann", "mnist"))
    one.put_file(SEALED, "notes.txt", io.BytesIO(b"mine"))
    for replica in (one, other):
        assert told(replica, "mnist").keys() == {"sealed", "living"}
    return one, other


def test_its_runs_are_under_the_new_name_and_nothing_is_under_the_old_one(replicas, store):
    store.database.write(RENAME)
    for replica in replicas:
        assert told(replica, "mnist2") == {
            run_id: ("mnist2", 10, 2.25, list(range(10))) for run_id in ("sealed", "living")
        }
        assert replica.open_file(renamed(SEALED), "notes.txt").read() == b"mine"
        with pytest.raises(NotFoundError, match=r"no project ann/mnist: ann has 1 project; did you mean ann/mnist2\?"):
            replica.list_runs("ann", "mnist")
        with pytest.raises(NotFoundError, match="no project ann/mnist: ann has 1 project"):
            replica.read_history(SEALED)


def test_who_writes_under_the_old_name_is_told_and_goes_on_under_the_new_one(replicas, store):
    writer = replicas[0].find_writer(LIVING).writer
    store.database.write(RENAME)
    for replica in replicas:
        with pytest.raises(NotFoundError, match="is not here any more: it was deleted, or is called otherwise now"):
            replica.write_batch(LIVING, writer, batch(10, 5))
    for first, replica in zip((10, 15), replicas, strict=True):
        replica.write_batch(renamed(LIVING), writer, batch(first, 5))
    replicas[1].write_batch(renamed(LIVING), writer, WriterBatch(exit_code=0))
    assert [told(replica, "mnist2")["living"] for replica in replicas] == [("mnist2", 20, 4.75, list(range(20)))] * 2


def test_its_runs_are_sealed_and_named_to_engines_and_keep_files_of_their_own(replicas, store):
    """Rows say of which run they are, and in a file that runs share nothing else would."""
    store.database.write(RENAME)
    one, other = replicas
    other.write_batch(renamed(LIVING), one.find_writer(renamed(LIVING)).writer, WriterBatch(exit_code=0))
    assert dict(other.seal("ann", "mnist2"))[renamed(LIVING)] == 10
    assert list(one.pack_runs("ann", "mnist2", at_once=True)) == []
    named = other.list_segments("ann", "mnist2")
    assert (len(named.files), named.has_others) == (2, False)
    assert list(Comparison(store.database, store.bucket).differences(is_reading=True)) == []


def test_another_project_of_the_old_name_has_its_own_runs_alone(replicas, store):
    store.database.write(RENAME)
    one, other = replicas
    one.write_batch(SEALED, one.begin_writer(SEALED, WriterStart()).writer, batch(0, 3))
    for replica in (one, other, one):
        assert told(replica, "mnist") == {"sealed": ("mnist", 3, 0.5, [0, 1, 2])}
        assert told(replica, "mnist2").keys() == {"sealed", "living"}
