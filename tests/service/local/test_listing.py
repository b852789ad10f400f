"""Listings of a project that never stands still, kept as objects and as columns."""

import functools
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

import warm
from runlake.errors import ConflictError, NotFoundError
from runlake.model import RunEdit, RunPath
from runlake.service.local.limits import LocalLimits
from runlake.service.local.service import LocalService
from runlake.service.open import open_service
from runlake.store.catalog.limits import CatalogLimits
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change
from runlake.store.opening.open import open_run

CHURN = """
import itertools, sys
from pathlib import Path
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.noting import append_change
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
root, me = Path(sys.argv[1]), sys.argv[2]
layout, service = FolderStore(root), LocalService(root, default_entity="ann")
for number in itertools.count():
    path = RunPath("ann", "p", f"{me}-{number}")
    opened = open_run(layout, path, {"set": {"lr": number}})
    opened.writer.end({"exit_code": 0})
    append_change(layout, path, opened.writer.writer, "finish", opened.incarnation)
    if number % 2:
        service.delete_run(path)
    print(number, flush=True)
"""


FEW = LocalLimits(catalog=CatalogLimits(progress_from=2))


@pytest.fixture(params=["objects", "columns"])
def opened(request, tmp_path):
    """Opens the store as a process of its own would."""
    absorb_at = {"objects": 1000, "columns": 3}[request.param]

    def opened(*, shares_versions=False, **limits):
        return LocalService(
            tmp_path / "store",
            default_entity="ann",
            shares_versions=shares_versions,
            limits=LocalLimits(**{"catalog": CatalogLimits(absorb_at=absorb_at), **limits}),
        )

    return opened


@pytest.fixture
def service(opened):
    return opened()


@pytest.fixture
def sharing(opened):
    """Opens the store as a worker of a server, whose versions the others know."""
    return lambda: opened(shares_versions=True)


def folder_of(service):
    return Path(url2pathname(urlsplit(service.url).path))


def make_run(service, run_id, **config):
    layout = FolderStore(folder_of(service))
    opened = open_run(layout, RunPath("ann", "p", run_id), {"set": config})
    opened.writer.log({"acc": float(len(run_id))}, step=0, timestamp=1.0, runtime=0.1)
    opened.writer.end({"exit_code": 0})
    append_change(layout, opened.path, opened.writer.writer, "finish", opened.incarnation)


def read_pages(service, size, **options):
    """All ids, page by page, and the version they are of."""
    first = service.list_runs("ann", "p", limit=size, **options)
    runs = list(first.runs)
    while len(runs) < first.total_count:
        page = service.list_runs("ann", "p", offset=len(runs), limit=size, version=first.version, **options)
        assert (page.total_count, page.version) == (first.total_count, first.version)
        runs += page.runs
    return runs


@pytest.mark.slow
@pytest.mark.parametrize(
    "order", [pytest.param(("+created_at",), marks=pytest.mark.long), ("-config.lr", "-created_at")]
)
def test_pages_have_no_gaps_and_no_doubles_while_other_processes_add_and_delete(service, order):
    for number in range(20):
        make_run(service, f"r{number}", lr=number)
    command = [sys.executable, "-W", "error", "-c", CHURN, str(folder_of(service))]
    children = [
        warm.Popen([*command, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for name in "xy"
    ]
    try:
        for child in children:
            child.stdout.readline()
        kept = {f"r{number}" for number in range(20)}
        versions = set()
        for _ in range(8):
            runs = read_pages(service, 3, order=order)
            ids = [info.run_id for info in runs]
            assert len(set(ids)) == len(ids)
            assert kept <= set(ids)
            assert all(info.config["lr"] == int(info.run_id.strip("rxy-")) for info in runs)
            if order == ("+created_at",):
                assert runs == sorted(runs, key=lambda info: (info.created_at, info.run_id))
            else:
                assert [info.config["lr"] for info in runs] == sorted((i.config["lr"] for i in runs), reverse=True)
            versions.add(tuple(ids))
            for child in children:
                child.stdout.readline()
        assert len(versions) > 1
    finally:
        for child in children:
            child.kill()
        errors = [child.communicate()[1] for child in children]
    assert errors == ["", ""]


def test_a_page_shows_runs_as_they_were_in_its_version(service):
    for number in range(8):
        make_run(service, f"r{number}", lr=number)
    first = service.list_runs("ann", "p", limit=2)
    before = service.list_runs("ann", "p", version=first.version).runs
    for number in range(8):
        service.edit_run(RunPath("ann", "p", f"r{number}"), RunEdit(config_set={"lr": -number}))
        service.list_runs("ann", "p")
    assert service.list_runs("ann", "p", version=first.version).runs == before
    assert [info.config["lr"] for info in before] == list(range(8))
    now = service.list_runs("ann", "p").runs
    assert [info.config["lr"] for info in now] == [-number for number in range(8)]
    best = service.list_runs(
        "ann", "p", version=first.version, filters={"config.lr": {"$gte": 6}}, order=["-config.lr"]
    )
    assert [info.run_id for info in best.runs] == ["r7", "r6"]


def test_the_oldest_versions_are_given_up_first_and_one_in_use_last(opened):
    service = opened(kept_versions=3)
    versions = []
    for number in range(5):
        make_run(service, f"r{number}", lr=number)
        versions.append(service.list_runs("ann", "p", limit=1).version)
        service.list_runs("ann", "p", limit=1, version=versions[0])
    assert service.list_runs("ann", "p", version=versions[0]).total_count == 1
    with pytest.raises(ConflictError, match="list again from the first page"):
        service.list_runs("ann", "p", version=versions[1])


def test_tables_and_pages_agree_whatever_moved(service):
    for number in range(9):
        make_run(service, f"r{number}", lr=number / 2)
    service.list_runs("ann", "p")
    make_run(service, "new", lr="auto")
    service.delete_run(RunPath("ann", "p", "r4"))
    service.edit_run(RunPath("ann", "p", "r2"), RunEdit(config_set={"note": "x"}, info={"tags": ["t"]}))
    runs = service.list_runs("ann", "p").runs
    table = service.read_runs_table("ann", "p")
    assert table["run_id"].to_pylist() == [info.run_id for info in runs]
    assert table["config.lr"].to_pylist() == [str(info.config["lr"]) for info in runs]
    assert table["config.note"].to_pylist() == [info.config.get("note") for info in runs]
    assert table["summary.acc"].to_pylist() == [info.summary["acc"] for info in runs]
    assert table["tags"].to_pylist() == [list(info.tags) for info in runs]
    some = service.read_runs_table("ann", "p", filters={"config.lr": {"$lt": 1}})
    assert some["run_id"].to_pylist() == ["r0", "r1"]
    assert some["config.lr"].to_pylist() == [0.0, 0.5]


def test_advice_for_a_missing_run_does_not_read_a_large_project(opened):
    service = opened(advice_read_count=3)
    for number in range(4):
        make_run(service, f"r{number}")
    service.edit_run(RunPath("ann", "p", "r1"), RunEdit(info={"name": "first"}))
    advice = []
    for reader in (service, opened(advice_read_count=4)):
        with pytest.raises(NotFoundError) as caught:
            reader.read_run(RunPath("ann", "p", "first"))
        advice.append(str(caught.value).partition("; ")[2])
    assert advice == ["see: runlake ls ann/p", "the run of that name has the id r1"]


def test_progress_reaches_who_opened_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr("runlake.service.local.service.LocalService", functools.partial(LocalService, limits=FEW))
    make_run(LocalService(tmp_path / "store", default_entity="ann"), "a")
    make_run(LocalService(tmp_path / "store", default_entity="ann"), "b")
    told = []
    service = open_service(
        tmp_path / "store", {"HOME": str(tmp_path)}, tmp_path, progress=lambda *state: told.append(state)
    )
    service.list_runs("ann", "p")
    assert told[-1] == ("ann/p", 2, 2)
    assert FolderStore(tmp_path / "store").entities() == ["ann"]


def told_files(service):
    return sorted((folder_of(service) / ".catalog").glob("*.states"))


def test_pages_of_one_version_are_the_same_list_in_every_process_whatever_happened_since(service, sharing):
    for number in range(9):
        make_run(service, f"r{number}", lr=number)
    one, other = sharing(), sharing()
    first = one.list_runs("ann", "p", limit=2, order=["-config.lr"])
    before = one.list_runs("ann", "p", version=first.version).runs
    for number in range(9):
        service.edit_run(RunPath("ann", "p", f"r{number}"), RunEdit(config_set={"lr": -number}))
        service.delete_run(RunPath("ann", "p", "r4")) if number == 4 else None
        make_run(service, f"new{number}", lr=100)
        one.list_runs("ann", "p", limit=0)
        other.list_runs("ann", "p", limit=0)
    assert other.list_runs("ann", "p", version=first.version).runs == before
    del one
    after = sharing()
    page = after.list_runs("ann", "p", offset=2, limit=3, order=["-config.lr"], version=first.version)
    assert (page.total_count, page.version) == (9, first.version)
    assert [info.run_id for info in page.runs] == ["r6", "r5", "r4"]
    assert after.list_runs("ann", "p", filters={"config.lr": {"$gte": 7}}, version=first.version).total_count == 2


@pytest.mark.slow
def test_pages_that_two_processes_cut_by_turns_have_no_gaps_while_others_add_and_delete(service, sharing):
    for number in range(20):
        make_run(service, f"r{number}", lr=number)
    command = [sys.executable, "-W", "error", "-c", CHURN, str(folder_of(service)), "x"]
    child = warm.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    processes = [sharing(), sharing()]
    try:
        for turn in range(12):
            child.stdout.readline()
            first = processes[turn % 2].list_runs("ann", "p", limit=3)
            runs = list(first.runs)
            while len(runs) < first.total_count:
                turn += 1
                runs += processes[turn % 2].list_runs("ann", "p", offset=len(runs), limit=3, version=first.version).runs
            assert runs == list(processes[turn % 2].list_runs("ann", "p", version=first.version).runs)
            assert {f"r{number}" for number in range(20)} <= {info.run_id for info in runs}
    finally:
        child.kill()
        errors = child.communicate()[1]
    assert errors == ""


def test_a_version_that_nobody_asked_for_in_ten_minutes_is_forgotten_by_others(service, sharing):
    for number in range(5):
        make_run(service, f"r{number}", lr=number)
    version = sharing().list_runs("ann", "p", limit=1).version
    (file,) = told_files(service)
    os.utime(file, (time.time() - 700,) * 2)
    another = sharing()
    assert another.list_runs("ann", "p", limit=1).version != version
    assert file not in told_files(service)
    with pytest.raises(ConflictError, match="list again from the first page"):
        another.list_runs("ann", "p", version=version)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "columns gone"])
def test_a_version_whose_file_is_damaged_is_not_known_to_others_and_told_anew(service, sharing, damage):
    for number in range(5):
        make_run(service, f"r{number}", lr=number)
    one = sharing()
    version = one.list_runs("ann", "p", limit=1).version
    (file,) = told_files(service)
    content = file.read_bytes()
    has_columns = any(file.parent.glob("*.columns"))
    if damage == "cut":
        file.write_bytes(content[:-1])
    elif damage == "flipped":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        for each in (folder_of(service) / ".catalog").iterdir():
            if damage == "gone" or each.suffix == ".columns":
                each.unlink()
    other = sharing()
    if file.exists() and file.read_bytes() == content and not has_columns:
        assert other.list_runs("ann", "p", version=version).total_count == 5
    else:
        with pytest.raises(ConflictError, match="not kept any more"):
            other.list_runs("ann", "p", version=version)
    assert one.list_runs("ann", "p", version=version).total_count == 5
    make_run(service, "later", lr=1)
    if damage in ("gone", "columns gone"):
        version = one.list_runs("ann", "p", limit=1).version
        assert other.list_runs("ann", "p", version=version).total_count == 6


@pytest.mark.parametrize("version", ["", "x", "0" * 16 + ".0", "../" * 5 + "0" * 16 + ".0", f"{'0' * 16}.{'9' * 30}"])
def test_what_is_no_version_is_refused(service, sharing, version):
    make_run(service, "a")
    with pytest.raises(ConflictError, match="list again"):
        sharing().list_runs("ann", "p", version=version)


def test_where_no_catalog_can_be_written_a_process_knows_its_own_versions(service, sharing):
    for number in range(5):
        make_run(service, f"r{number}", lr=number)
    (folder_of(service) / ".catalog").write_text("a file")
    one = sharing()
    version = one.list_runs("ann", "p", limit=1).version
    make_run(service, "later")
    assert one.list_runs("ann", "p").total_count == 6
    assert one.list_runs("ann", "p", version=version).total_count == 5
    with pytest.raises(ConflictError, match="not kept any more"):
        sharing().list_runs("ann", "p", version=version)


def test_a_version_costs_what_moved_and_its_file_does_not_grow_for_ever(service, sharing, monkeypatch):
    for number in range(3):
        make_run(service, f"r{number}", lr=number)
    one = sharing()
    one.list_runs("ann", "p")
    (file,) = told_files(service)
    sizes = [file.stat().st_size]
    for number in range(3):
        service.edit_run(RunPath("ann", "p", "r0"), RunEdit(config_set={"lr": number}))
        one.list_runs("ann", "p")
        sizes.append(file.stat().st_size)
    assert sizes[3] - sizes[2] == sizes[2] - sizes[1] > 0


def test_a_log_of_versions_that_has_grown_is_begun_anew(service, opened, sharing):
    make_run(service, "r0", lr=0)
    one = opened(shares_versions=True, catalog=CatalogLimits(log_grows_bytes=-10_000))
    one.list_runs("ann", "p")
    service.edit_run(RunPath("ann", "p", "r0"), RunEdit(config_set={"lr": 9}))
    version = one.list_runs("ann", "p").version
    assert len(told_files(service)) == 2
    assert sharing().list_runs("ann", "p", version=version) == one.list_runs("ann", "p", version=version)
