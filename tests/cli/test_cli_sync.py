"""`runlake sync`: what it says, and how it ends."""

import json
from pathlib import Path

import pytest

from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.journal.shipped import Shipped, write_shipped
from served import Holder, SocketServer, make_app


@pytest.fixture(scope="module")
def holder():
    return Holder()


@pytest.fixture(scope="module")
def running(holder):
    server = SocketServer(make_app(holder))
    yield server
    server.stop()


@pytest.fixture
def url(running, holder, tmp_path):
    holder.service = LocalService(tmp_path / "server", default_entity="ann")
    return running.url


@pytest.fixture
def wait_for_sync(tmp_path):
    """Marks a run as one that was written offline."""

    def mark(path, base_url=None):
        shipped = Shipped(base_url=base_url, entity=None, project=path.project, run_id=path.run_id)
        write_shipped(FolderStore(tmp_path / "store").run_dir(path), shipped)

    return mark


def test_what_waits_is_sent_once(runlake, make_run, wait_for_sync, url, holder):
    wait_for_sync(make_run("ann/mnist/a", rows=[{"loss": 1.0}]))
    make_run("ann/mnist/b")
    ended = runlake("sync", "--to", url)
    assert (ended.code, ended.out.splitlines()[0].split()) == (0, ["RUN", "OUTCOME", "SIZE", "NOTE"])
    assert ended.out.splitlines()[1].split()[:2] == ["ann/mnist/a", "sent"]
    assert ended.err.startswith("sent 1 run, ")
    assert [run.run_id for run in holder.service.list_runs("ann", "mnist").runs] == ["a"]
    assert runlake("sync", "--to", url) == (0, "", "nothing to send\n")


def test_a_project_or_runs_that_are_named_are_sent_whatever_they_were_meant_for(runlake, make_run, url, holder):
    make_run("ann/mnist/a", rows=[{"loss": 1.0}])
    make_run("ann/mnist/b")
    document = json.loads(runlake("sync", "mnist/a", "--to", url, "--json").out)
    (run,) = document["runs"]
    page = (Path(__file__).parents[2] / "docs/guide/command-line.md").read_text("utf-8")
    named = page.partition("\n## sync\n")[2].partition("\n## ")[0]
    assert [key for key in ("runs", *run) if f'"{key}"' not in named and f"`{key}`" not in named] == []
    assert run.pop("sent_bytes") > 0
    assert run == {
        "entity": "ann", "project": "mnist", "run_id": "a", "outcome": "sent", "base_url": url,
        "remote": "ann/mnist/a", "artifact_count": 0, "refused": [], "problem": None,
    }  # fmt: skip
    again = json.loads(runlake("sync", "mnist/", "--to", url, "--json").out)
    assert [(run["run_id"], run["outcome"]) for run in again["runs"]] == [("a", "already there"), ("b", "sent")]


def test_a_run_that_knows_no_server_asks_for_one(runlake, make_run):
    make_run("ann/mnist/a")
    ended = runlake("sync", "mnist/a")
    assert ended == (2, "", "runlake: run ann/mnist/a knows no server; name it with --to, or RUNLAKE_BASE_URL\n")


@pytest.mark.long
def test_a_server_that_is_not_there_ends_with_6(runlake, make_run, wait_for_sync):
    wait_for_sync(make_run("ann/mnist/a"), "http://127.0.0.1:9")
    ended = runlake("sync")
    assert (ended.code, ended.out) == (6, "")
    assert "http://127.0.0.1:9 cannot be reached" in ended.err


def test_a_folder_is_what_is_sent(runlake, url):
    ended = runlake("--dir", url, "sync")
    told = f"runlake: sync sends what is in a folder, and {url} is a server; name it with --to\n"
    assert (ended.code, ended.err) == (7, told)
