"""Rows over every way to a store: to the bit, lane and order they have in the folder."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.api.api import Api
from runlake.api.export import export_run
from runlake.errors import BadValueError, NotFoundError, RunlakeWarning
from runlake.model import RunPath, TailCursor
from runlake.query.many.blocks import histories_in_order
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from strategies import keys, rows
from trainer import RUN, Trainer


def exactly(history):
    """Everything a history holds, equal only for what is the same to the bit."""
    axes = [
        None if axis is None else axis.view(np.int64).tolist()
        for axis in (history.step, history.timestamp, history.runtime)
    ]
    series = [
        (
            s.key,
            s.lane,
            None if s.rows is None else s.rows.tolist(),
            str(s.values.type),
            s.values.combine_chunks().view("int64").to_pylist() if s.lane == "f64" else s.values.to_pylist(),
        )
        for s in history.series
    ]
    return history.stream, axes, series, history.source_row_count


def exactly_tail(tail):
    writers = [tail.writers[place] for place in tail.writer_of_row.tolist()]
    return exactly(tail.history), tail.cursor, tail.is_ended, tail.is_restarted, writers


@pytest.mark.slow
@given(logged=st.lists(rows, max_size=8), asked=st.lists(keys, max_size=3), sealed=st.booleans())
def test_whatever_was_logged_is_read_alike(tmp_path_factory, holder, in_process, logged, asked, sealed):
    from runlake.service.remote.service import RemoteService

    root = tmp_path_factory.mktemp("rows")
    local = holder.service = LocalService(root, default_entity="ann")
    far = RemoteService("http://server.example", transport=in_process, attempts=1)
    trainer = Trainer(root, "a")
    for row in logged:
        trainer.log(**row)
    trainer.finish()
    if sealed:
        list(local.seal("ann", "mnist"))
    for chosen in (None, asked, ["_timestamp"], ["_runtime", *asked]):
        ours, theirs = (exactly(service.read_history(RUN, keys=chosen)) for service in (local, far))
        assert theirs == ours
    assert exactly_tail(far.read_tail(RUN, None)) == exactly_tail(local.read_tail(RUN, None))
    assert far.list_keys(RUN) == local.list_keys(RUN)
    assert far.outline_history(RUN) == local.outline_history(RUN)
    for chosen in (None, asked):
        blocks = [
            [(block.run_ids, block.row_counts.tolist(), exactly(block.history)) for block in found]
            for found in (service.read_histories("ann", "mnist", keys=chosen) for service in (local, far))
        ]
        assert blocks[0] == blocks[1]


def test_sparse_series_of_all_lanes_come_in_their_order(service, local, train):
    trainer = train("a")
    for number in range(500):
        row = {"always": number / 2}
        if number % 3 == 0:
            row |= {"third": number, f"once {number}": True, "text": f"é {number}"}
        if number % 50 == 7:
            row |= {"none": None, "json": [number, None], "third": 0.5, "nan": math.nan}
        trainer.log(**row)
    trainer.finish()
    assert exactly(service.read_history(RUN)) == exactly(local.read_history(RUN))
    many = [f"once {number}" for number in range(500)]
    assert exactly(service.read_history(RUN, keys=many)) == exactly(local.read_history(RUN, keys=many))
    assert exactly(service.read_history(RUN, keys=[])) == exactly(local.read_history(RUN, keys=[]))


def test_a_sample_is_the_sample_of_the_folder(service, local, train):
    trainer = train("a")
    for number in range(1000):
        trainer.log(loss=math.sin(number))
    trainer.finish()
    asked = {"samples": 60}
    assert exactly(service.sample_history(RUN, "loss", **asked)) == exactly(local.sample_history(RUN, "loss", **asked))


def test_the_rows_of_many_runs_come_run_by_run(service, train):
    for number in range(20):
        train(f"r{number:02}", config={"n": number}).log(loss=float(number)).log(loss=-1.0).finish()
    blocks = service.read_histories("ann", "mnist", keys=["loss"], filters={"config.n": {"$gte": 15}})
    found = [
        (run_id, history.series[0].values.to_pylist())
        for run_id, history in histories_in_order(blocks, [f"r{number:02}" for number in range(20)])
    ]
    assert found == [(f"r{number:02}", [float(number), -1.0]) for number in range(15, 20)]
    with pytest.raises(NotFoundError):
        service.read_histories("ann", "nowhere", keys=["loss"])


def test_of_many_runs_one_that_cannot_be_read_has_no_rows_and_a_warning_says_why(service, train, root):
    train("a").log(loss=1.0).finish()
    train("b").log(loss=2.0).finish()
    service.list_runs("ann", "mnist")
    (part,) = FolderStore(root).journal_dir(RunPath("ann", "mnist", "b")).iterdir()
    content = bytearray(part.read_bytes())
    content[-60] ^= 0xFF
    part.write_bytes(content)
    version = service.list_runs("ann", "mnist").version
    with pytest.warns(RunlakeWarning, match="CorruptError: ann/mnist/b"):
        blocks = list(service.read_histories("ann", "mnist", keys=["loss"], version=version))
    assert {block.run_ids[0]: block.row_counts.tolist() for block in blocks} == {"a": [1], "b": [0]}
    assert [block.problem is None for block in blocks] == [True, False]


def test_a_cursor_brings_what_is_new_once(service, train):
    trainer = train("a").log(loss=1.0).log(loss=2.0)
    first = service.read_tail(RUN, None)
    assert (first.history.step.tolist(), first.is_ended) == ([0, 1], False)
    trainer.log(loss=3.0).finish()
    second = service.read_tail(RUN, first.cursor_at(1), keys=["loss"], limit=1)
    assert second.history.step.tolist() == [1]
    third = service.read_tail(RUN, TailCursor.parse(str(second.cursor)))
    assert (third.history.step.tolist(), third.is_ended) == ([2], True)
    assert service.read_tail(RUN, None, last=1).history.step.tolist() == [2]
    with pytest.raises(BadValueError, match="at least 1"):
        service.read_tail(RUN, None, limit=0)
    with pytest.raises(BadValueError, match="one of the stream"):
        service.read_tail(RUN, third.cursor, stream="events")


def test_the_api_follows_a_run(service, train):
    trainer = train("a").log(loss=1.0).log(loss=2.0)
    tail = Api(service=service).tail(["ann/mnist/a"], poll_s=0.01)
    assert [next(tail)["loss"], next(tail)["loss"]] == [1.0, 2.0]
    assert tail.poll() is None
    trainer.log(loss=3.0).finish()
    assert [row["loss"] for row in tail] == [3.0]


def test_frames_and_exports_are_those_of_the_folder(service, local, train, tmp_path):
    trainer = train("a", config={"lr": 0.5})
    for number in range(50):
        trainer.log(loss=number / 3, text=f"t{number}")
    trainer.finish()
    ours, theirs = Api(service=local), Api(service=service)
    assert theirs.run("ann/mnist/a").to_arrow().equals(ours.run("ann/mnist/a").to_arrow())
    assert theirs.runs("ann/mnist").to_arrow().equals(ours.runs("ann/mnist").to_arrow())
    exports = []
    for number, api in enumerate((ours, theirs)):
        export_run(api._service, RUN, tmp_path / f"{number}.csv", format="csv")
        exports.append((tmp_path / f"{number}.csv").read_bytes())
    assert exports[0] == exports[1]
