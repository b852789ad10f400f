"""The sweeps of two stores into one: a ledger goes on, or stays as it is."""

import shutil

import pytest

from runlake.errors import NotFoundError
from runlake.model import Merged, RunPath
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.merge.merge_stores import choose_projects, merge_projects
from runlake.sweep_model import AgentReport, AgentStart, SweepEdit, SweepPath, SweepStart

SWEEP = SweepPath("ann", "p", "Sweep-1")
GRID = {"method": "grid", "parameters": {"lr": {"values": [1, 2, 3, 4]}}}


class Store:
    """One store, and what agents do in it."""

    def __init__(self, root):
        self.root, self.layout = root, FolderStore(root)
        self.service = LocalService(root, default_entity="ann")

    def make_sweep(self):
        self.service.create_sweep("ann", "p", SweepStart(config=GRID, sweep_id=SWEEP.sweep_id))
        return self

    def claim(self):
        agent = self.service.join_sweep(SWEEP, AgentStart()).agent_id
        (order,) = self.service.report_agent(SWEEP, agent, AgentReport(wanted_count=1))
        return order

    def read(self):
        return self.service.read_sweep(SWEEP)

    def merge(self, other, **options):
        chosen = choose_projects(self.layout, other.layout, None)
        return list(merge_projects(self.layout, other.layout, chosen, "merger", **options))

    def copy(self, root):
        shutil.copytree(self.root, root)
        return Store(root)

    def files(self):
        return {f.relative_to(self.root).as_posix(): f.read_bytes() for f in self.root.rglob("*") if f.is_file()}


@pytest.fixture
def ours(tmp_path):
    return Store(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path):
    return Store(tmp_path / "theirs").make_sweep()


def sweep_outcomes(merged):
    return [one.outcome for one in merged if one.is_sweep]


def test_a_sweep_that_is_only_there_is_copied_whole(ours, theirs):
    theirs.claim()
    (merged,) = ours.merge(theirs)
    place = RunPath(*SWEEP)
    assert merged == Merged(path=place, source=place, outcome="new", is_sweep=True, copied_bytes=merged.copied_bytes)
    assert ours.read() == theirs.read()
    before = ours.files()
    (again,) = ours.merge(theirs)
    assert again == Merged(path=place, source=place, outcome="same", is_sweep=True)
    assert ours.files() == before


def test_the_longer_ledger_wins_when_one_is_the_beginning_of_the_other(ours, theirs, tmp_path):
    mine = theirs.copy(tmp_path / "mine")
    first = theirs.claim()
    assert sweep_outcomes(mine.merge(theirs)) == ["joined"]
    assert mine.read() == theirs.read()
    second = mine.claim()
    assert (first.params, second.params) == ({"lr": 1}, {"lr": 2})
    assert sweep_outcomes(mine.merge(theirs)) == ["same"]
    assert sweep_outcomes(theirs.merge(mine)) == ["joined"]
    assert theirs.read() == mine.read()


def test_what_an_agent_said_later_comes_along(ours, theirs):
    agent = theirs.service.join_sweep(SWEEP, AgentStart()).agent_id
    ours.merge(theirs)
    theirs.service.report_agent(SWEEP, agent, AgentReport(is_leaving=True))
    assert ours.read().agents[0].state == "running"
    assert sweep_outcomes(ours.merge(theirs)) == ["joined"]
    assert ours.read().agents[0].state == "finished"


def test_a_sweep_that_went_on_in_both_stores_stays_as_it_is(ours, theirs):
    ours.merge(theirs)
    ours.claim()
    theirs.service.edit_sweep(SWEEP, SweepEdit(state="FINISHED"))
    before = ours.files()
    assert sweep_outcomes(ours.merge(theirs)) == ["differs"]
    assert ours.files() == before


def test_two_sweeps_of_one_id_stay_apart(ours, theirs):
    ours.make_sweep()
    assert sweep_outcomes(ours.merge(theirs)) == ["differs"]


def test_a_dry_run_writes_nothing(ours, theirs):
    assert sweep_outcomes(ours.merge(theirs, is_dry_run=True)) == ["new"]
    assert not ours.root.exists()


def test_a_sweep_that_was_deleted_here_does_not_come_back(ours, theirs):
    ours.merge(theirs)
    ours.service.delete_sweep(SWEEP)
    assert sweep_outcomes(ours.merge(theirs)) == ["deleted"]
    with pytest.raises(NotFoundError):
        ours.read()


def test_what_was_killed_in_the_middle_is_gone_on_from(ours, theirs):
    for _ in range(3):
        theirs.claim()
    ours.merge(theirs)
    whole = ours.files()
    entries = sorted((ours.layout.sweep_dir(SWEEP) / "ledger").iterdir())
    for kept in range(len(entries)):
        for entry in entries[kept:]:
            entry.unlink(missing_ok=True)
        assert sweep_outcomes(ours.merge(theirs)) == ["joined" if kept else "new"]
        assert ours.files() == whole


def test_an_entry_that_is_only_being_written_waits_for_the_next_time(ours, theirs):
    theirs.claim()
    last = max((theirs.layout.sweep_dir(SWEEP) / "ledger").iterdir())
    content = last.read_bytes()
    last.write_bytes(content[:-9])
    ours.merge(theirs)
    assert not (ours.layout.sweep_dir(SWEEP) / "ledger" / last.name).exists()
    last.write_bytes(content)
    ours.merge(theirs)
    assert ours.read() == theirs.read()


def test_a_gap_in_our_ledger_is_filled(ours, theirs):
    theirs.claim()
    ours.merge(theirs)
    whole = ours.files()
    (ours.layout.sweep_dir(SWEEP) / "ledger" / "00000002.json").unlink()
    assert sweep_outcomes(ours.merge(theirs)) == ["joined"]
    assert ours.files() == whole


def test_what_is_damaged_there_is_not_brought(ours, theirs):
    theirs.claim()
    damaged = theirs.layout.sweep_dir(SWEEP) / "ledger" / "00000003.json"
    damaged.write_bytes(b"{\xff\n")
    (agent,) = (theirs.layout.sweep_dir(SWEEP) / "agents").iterdir()
    agent.write_bytes(b"{")
    assert sweep_outcomes(ours.merge(theirs)) == ["new"]
    assert len(list((ours.layout.sweep_dir(SWEEP) / "ledger").iterdir())) == 2
    assert ours.read().run_count == 0
