"""Foreign runs are kept whole, once, and go on where an import was killed."""

import dataclasses
import io
from collections import Counter

import pytest

from runlake.errors import ConflictError
from runlake.importers.bring import bring
from runlake.importers.foreign import ForeignFile, ForeignRow, ForeignRun
from runlake.media.histogram import Histogram
from runlake.model import Alert, LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.service.local.service import LocalService
from trainer import Trainer

PATH = RunPath("ann", "p", "r")
ROW_COUNT = 25


@pytest.fixture
def service(tmp_path):
    return LocalService(tmp_path / "store", default_entity="ann")


class KilledError(Exception):
    """The import was killed at that row."""


def rows(stop=None):
    for n in range(ROW_COUNT):
        if n == stop:
            raise KilledError
        yield ForeignRow("history", LoggedRow(10 * n, 1000.0 + n, n / 2, {"loss": 1 / (n + 1), "deep": {"n": n}}))
        if n % 10 == 5:
            yield WriterBatch(config={"lr": 0.1, "seen": n})
        if n % 4 == 0:
            yield ForeignRow("events", LoggedRow(n, 1000.0 + n, n / 2, {"system.cpu": float(n)}))
    alert = Alert(title="t", text="x", level="WARN", timestamp=1003.0)
    yield WriterBatch(summary={"best": 1}, alerts=(alert,), exit_code=0, runtime_s=12.0)


def foreign(said=None, *, mark="import-1", files=(("a/b.txt", b"content"),), **start):
    return ForeignRun(
        run_id="r",
        mark=mark,
        place="somewhere",
        start=WriterStart(name="calm", config={"lr": 0.1}, resume="never", created_at=1000.0, **start),
        said=rows() if said is None else said,
        files=[ForeignFile(name, lambda content=content: io.BytesIO(content)) for name, content in files],
        lost=Counter(artifact=2),
    )


def all_kept(service):
    """All that was kept, but for the time of the import."""
    info = service.read_run(PATH)
    history, events = (service.read_history(PATH, stream=stream) for stream in ("history", "events"))
    return (
        (info.name, info.state, info.config, info.summary, info.created_at, info.row_count, len(info.alerts)),
        [(history.step.tolist(), history.timestamp.tolist(), history.runtime.tolist()), events.step.tolist()],
        {series.key: series.values.to_pylist() for series in history.series},
        [(file.name, file.size_bytes) for file in service.list_files(PATH)],
    )


def test_all_that_a_run_says_is_kept(service):
    done = bring(service, PATH, foreign())
    assert (done.outcome, done.is_whole, done.is_ended, done.lost) == ("new", True, True, {"artifact": 2})
    assert done.read_counts == done.kept_counts == {"events": 7, "history": ROW_COUNT}
    facts, (axes, events), values, files = all_kept(service)
    config = {"lr": 0.1, "seen": 15}
    assert facts[:4] == ("calm", "finished", config, {"best": 1, "loss": 1 / ROW_COUNT, "deep": {"n": ROW_COUNT - 1}})
    assert facts[4:] == (1000.0, ROW_COUNT, 1)
    numbers = range(ROW_COUNT)
    assert axes == ([10 * n for n in numbers], [1000.0 + n for n in numbers], [n / 2 for n in numbers])
    assert events == list(range(0, ROW_COUNT, 4))
    assert values == {"loss": [1 / (n + 1) for n in range(ROW_COUNT)], "deep.n": list(range(ROW_COUNT))}
    assert files == [("a/b.txt", 7)]


@pytest.mark.parametrize("stop", [0, 1, 6, 7, 24])
def test_an_import_that_was_killed_goes_on_where_it_was(service, stop):
    with pytest.raises(KilledError):
        bring(service, PATH, foreign(rows(stop)), batch_rows=3)
    done = bring(service, PATH, foreign(), batch_rows=4)
    assert (done.outcome, done.is_whole) == ("continued", True)
    found = all_kept(service)
    service.delete_run(PATH)
    bring(service, PATH, foreign(mark="import-2"))
    assert found == all_kept(service)


def test_importing_twice_changes_nothing(service):
    bring(service, PATH, foreign())
    before = all_kept(service)
    done = bring(service, PATH, foreign())
    assert (done.outcome, done.is_whole, done.file_bytes) == ("same", True, 0)
    assert all_kept(service) == before


def test_a_source_that_has_grown_behind_its_end_is_not_whole(service):
    bring(service, PATH, foreign(said=iter([WriterBatch(exit_code=0)])))
    done = bring(service, PATH, foreign())
    assert (done.outcome, done.is_whole, done.kept_counts) == ("same", False, {})


def test_a_run_without_an_end_goes_on_when_there_is_more(service):
    some = list(rows())[:8]
    assert bring(service, PATH, foreign(said=iter(some))).is_ended is False
    done = bring(service, PATH, foreign())
    assert (done.outcome, done.is_whole, done.is_ended) == ("continued", True, True)


def test_a_run_without_an_end_of_which_nothing_is_new_is_the_same(service):
    row = ForeignRow("history", LoggedRow(0, 1000.0, 0.0, {"loss": float("nan")}))

    def taken(*said, **of):
        return bring(service, PATH, foreign(said=iter([row, *said]), **of)).outcome

    lr = WriterBatch(config={"lr": 0.2})
    assert [taken(lr), taken(lr), taken(WriterBatch(config={"lr": 0.3}))] == ["new", "same", "continued"]
    files = (("a/b.txt", b"content"), ("c", b"more"))
    assert [taken(lr, files=files), taken(lr, files=files)] == ["continued", "same"]
    assert [taken(row), taken(row, WriterBatch(exit_code=0))] == ["continued", "continued"]


def test_another_run_of_that_path_is_not_touched(service, tmp_path):
    Trainer(tmp_path / "store", "r", project="p").log(a=1).finish()
    with pytest.raises(ConflictError, match="another run of that path"):
        bring(service, PATH, foreign(mark="import-9"))


def test_data_types_come_as_their_files(service):
    row = ForeignRow("history", LoggedRow(0, 1000.0, 0.0, {"h": Histogram([1, 2, 3])}))
    bring(service, PATH, foreign(said=iter([row, WriterBatch(exit_code=0)])))
    (text,) = service.read_history(PATH, keys=["h"]).series[0].values.to_pylist()
    assert '"_type":"histogram"' in text


def test_a_run_that_is_here_with_as_many_rows_as_the_source_tells_is_not_read(service):
    bring(service, PATH, foreign())

    def unread():
        raise AssertionError
        yield

    known = dataclasses.replace(foreign(said=unread()), final_counts={"history": ROW_COUNT})
    done = bring(service, PATH, known)
    assert (done.outcome, done.is_whole, done.read_counts["history"]) == ("same", True, ROW_COUNT)
    more = dataclasses.replace(foreign(), final_counts={"history": ROW_COUNT + 1})
    assert bring(service, PATH, more).read_counts["history"] == ROW_COUNT
