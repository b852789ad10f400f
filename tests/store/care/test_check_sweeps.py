"""`check` and `gc` of a store that has sweeps."""

import os
import time

import pytest

from runlake.errors import CorruptError
from runlake.model import Finding, RunPath
from runlake.service.local.service import LocalService
from runlake.store.disk import TEMPORARY_PREFIX
from runlake.store.folder_store import FolderStore
from runlake.sweep_model import AgentReport, AgentStart, SweepPath, SweepStart

SWEEP = SweepPath("ann", "p", "Sweep-1")
GRID = {"method": "grid", "parameters": {"lr": {"values": [1, 2, 3, 4]}}}


@pytest.fixture
def service(tmp_path):
    service = LocalService(tmp_path / "store", default_entity="ann")
    service.create_project("ann", "p")
    service.create_sweep("ann", "p", SweepStart(config=GRID, sweep_id=SWEEP.sweep_id))
    agent = service.join_sweep(SWEEP, AgentStart()).agent_id
    service.report_agent(SWEEP, agent, AgentReport(wanted_count=2))
    return service


@pytest.fixture
def folder(tmp_path, service):
    return FolderStore(tmp_path / "store").sweep_dir(SWEEP)


def findings(service):
    found = dict(service.check("ann", "p"))
    return found.get(RunPath("ann", "p", ""), [])


def test_a_sweep_is_nothing_foreign(service):
    assert findings(service) == []


def test_what_is_no_sweep_is_named(service, folder):
    (folder.parent / "notes.txt").write_text("x")
    (folder / "ledger" / "00000001 (copy).json").write_text("x")
    assert [(one.kind, one.place) for one in findings(service)] == [
        ("foreign", f"sweeps/{folder.name}/ledger/00000001 (copy).json"),
        ("foreign", "sweeps/notes.txt"),
    ]


def test_a_gap_in_the_ledger_is_named_with_what_is_behind_it(service, folder):
    (folder / "ledger" / "00000003.json").unlink()
    assert findings(service) == [
        Finding(
            kind="missing",
            place=f"sweeps/{folder.name}/ledger/00000003.json",
            lost="what was decided from there on (1 of 3 entries); the runs are whole",
            advice="runlake merge brings it from another copy of the store",
        )
    ]


def test_an_entry_that_cannot_be_read_is_named(service, folder):
    (folder / "ledger" / "00000002.json").write_bytes(b"{\xff\n")
    assert [(one.kind, one.place) for one in findings(service)] == [
        ("corrupt", f"sweeps/{folder.name}/ledger/00000002.json")
    ]
    with pytest.raises(CorruptError, match=r"00000002\.json cannot be read"):
        LocalService(folder.parents[3], default_entity="ann").read_sweep(SWEEP)
    ((_, repairs),) = service.repair("ann", "p")
    assert [(one.kind, one.remedy, one.is_mended) for one in repairs] == [
        ("corrupt", "left alone: restore the file from a backup", False)
    ]


def test_gc_empties_the_trash_of_sweeps_and_clears_what_killed_processes_left(service, folder, tmp_path):
    before = {file for file in folder.rglob("*") if file.is_file()}
    long_ago = time.time() - 7200
    for place in (folder / "ledger", folder / "agents"):
        left = place / f"{TEMPORARY_PREFIX}99-1234"
        left.write_text("half")
        os.utime(left, (long_ago, long_ago))
    service.create_sweep("ann", "p", SweepStart(config=GRID, sweep_id="gone"))
    service.delete_sweep(SweepPath("ann", "p", "gone"))
    removed = sorted(one.place for one in service.empty_trash(older_than_s=0.0))
    assert len(removed) == 3
    assert removed[0].startswith(".trash/sweep-")
    assert {file for file in folder.rglob("*") if file.is_file()} == before
    assert list((tmp_path / "store" / ".trash").iterdir()) == []
    assert service.read_sweep(SWEEP).run_count == 2
