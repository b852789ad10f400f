"""What is kept of parts that no longer grow: a run read again is what it was, and bytes that changed are seen."""

import os

import pytest

from runlake.errors import CorruptError
from runlake.query.rows.scan import list_keys
from runlake.store.folder_store import FolderStore
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.opening.open import open_run
from runlake.store.run.part_states import PartStates
from runlake.store.run.snapshot import take_snapshot
from runlake.store.run.state import read_run, state_of_part
from runlake.values import Json
from stored import RUN


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path)


@pytest.fixture
def writer(store):
    """One whose run has three parts of ten rows, and one of five."""
    writer = open_run(
        store, RUN, {"set": {"lr": 0.1, "layers": Json("[1]")}}, limits=WriterLimits(rows_per_part=10)
    ).writer
    for n in range(35):
        writer.log({"loss": n / 2, f"part{n // 10}": n}, step=n, timestamp=100.0 + n, runtime=float(n))
    yield writer
    writer.close()


def test_a_run_read_again_is_as_read_whole_and_costs_its_newest_part(store, writer):
    states = PartStates()
    assert read_run(store, RUN, states=states) == read_run(store, RUN)
    writer.log({"loss": 99.0}, step=35, timestamp=140.0, runtime=35.0)
    read = []

    def state_of(part):
        read.append(part.header.number)
        return state_of_part(part)

    snapshot = take_snapshot(store, RUN)
    assert list(states.of_parts(snapshot, state_of)) == list(PartStates().of_parts(snapshot, state_of_part))
    assert read == [3]
    assert read_run(store, RUN, states=states) == read_run(store, RUN)


def test_keys_come_in_the_order_in_which_they_were_logged(store, writer):
    states = PartStates()
    for _ in range(2):
        assert list_keys(store, RUN, states=states) == ["loss", "part0", "part1", "part2", "part3"]
    assert list_keys(store, RUN, states=states) == list_keys(store, RUN)


def test_what_a_reader_does_with_a_run_is_not_seen_by_others(store, writer):
    states = PartStates()
    read_run(store, RUN, states=states).config["layers"].append(2)
    read_run(store, RUN, states=states).config["layers"].append(2)
    assert read_run(store, RUN, states=states).config["layers"] == [1]


def test_a_part_whose_bytes_changed_is_read_again(store, writer):
    states = PartStates()
    read_run(store, RUN, states=states)
    part = store.layout.journal_dir(RUN) / str(PartName(writer.writer, 1))
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    os.utime(part, ns=(0, part.stat().st_mtime_ns + 1_000_000_000))
    with pytest.raises(CorruptError):
        read_run(store, RUN, states=states)
