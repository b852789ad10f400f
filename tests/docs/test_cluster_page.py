"""The page about stores past one machine does what it says, with the commands as they stand there."""

import contextlib
import os
import re
import shlex
import subprocess
import sys

import psycopg
import pytest
from pages import environment, make_desk, texts

import warm
from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.service.cluster.open import open_cluster
from runlake.service.cluster.prepare import prepare
from runlake.store.folder_store import FolderStore
from trainer import Trainer
from waiting import lines_until_served

PAGE = "docs/guide/cluster.md"


@pytest.fixture
def desk(tmp_path):
    return make_desk(tmp_path)


@pytest.fixture
def surroundings(desk, postgres_server, s3_server):
    """The variables of the page, for a database and a place in a bucket of the test's own."""
    return {
        **environment(desk),
        **s3_server.environment(),
        "RUNLAKE_DATABASE": postgres_server.url_of(postgres_server.make_database()),
        "RUNLAKE_BUCKET": s3_server.new_url(),
    }


def run(line, desk, env):
    """What a line that begins with `runlake` prints, and what it notes."""
    done = warm.run(
        [sys.executable, "-m", "runlake", *shlex.split(line)[1:]], cwd=desk, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def serve(line, desk, env):
    """The server that a line starts, its address, and the key that it made, if it did."""
    words = re.sub(r"--port \d+", "--port 0", line.replace("0.0.0.0", "127.0.0.1")).split()
    server = warm.Popen(
        [sys.executable, "-m", *words], cwd=desk, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    said = lines_until_served(server)
    key = re.search(r"WANDB_API_KEY=(\S+)", "".join(said))
    return server, said[-1].split()[-1], key and key[1]


@pytest.mark.long
def test_every_command_of_the_page_works(desk, surroundings):
    commands = re.findall(r"^\$ (runlake .*)$", "\n".join(texts(PAGE, "console")), re.MULTILINE)
    check, one, other, move, back, segments = commands
    for run_id, factor in (("a", 1.0), ("b", 10.0)):
        trainer = Trainer(desk / "team-store", run_id)
        for n in range(5):
            trainer.log(loss=factor * n)
        trainer.finish()
    run("runlake --dir team-store seal ann/mnist", desk, surroundings)

    run(check.replace("s3://lake/runs", surroundings["RUNLAKE_BUCKET"]), desk, surroundings)
    assert "moved 2 runs" in run(move, desk, surroundings)[1]
    assert "moved 0 runs (0 B); 2 runs were there" in run(move, desk, surroundings)[1]
    assert "moved 2 runs" in run(back, desk, surroundings)[1]
    assert sorted(FolderStore(desk / "copy-of-it").run_ids("ann", "mnist")) == ["a", "b"]

    servers, address = [], None
    try:
        for line in (one, other):
            server, url, key = serve(line, desk, surroundings)
            servers.append(server)
            address, surroundings = address or url, {**surroundings, **({"RUNLAKE_API_KEY": key} if key else {})}
        (block,) = texts(PAGE, "python")
        listed = run(segments.replace("http://127.0.0.1:8080", url), desk, surroundings)
        assert [line.startswith(surroundings["RUNLAKE_BUCKET"]) for line in listed[0].split()] == [True, True]
        program = block.replace("http://127.0.0.1:8080", address)
        bin_dir = os.path.dirname(sys.executable)  # noqa: PTH120
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=desk,
            env={**surroundings, "PATH": f"{bin_dir}:{os.environ['PATH']}", "AWS_ALLOW_HTTP": "true"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert re.findall(r"[ab] +┆ +([\d.]+)", done.stdout) == ["2.0", "20.0"]
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait()
            server.stdout.close()


def rows(first, count):
    history = [LoggedRow(n, 1000.0 + n, float(n), {"loss": n / 4}) for n in range(first, first + count)]
    return WriterBatch(rows={"history": history}, first_n={"history": first})


def listed(service):
    """What a listing says, and what is read of each run."""
    runs = service.list_runs("ann", "mnist").runs
    series = {run.run_id: service.read_history(run.path, keys=["loss"]).series for run in runs}
    return {run_id: [value for each in found for value in each.values.to_pylist()] for run_id, found in series.items()}


@pytest.mark.long
def test_a_backup_is_restored_as_the_page_says(desk, surroundings, postgres_server, monkeypatch, tmp_path):
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    url, bucket = surroundings["RUNLAKE_DATABASE"], surroundings["RUNLAKE_BUCKET"]
    dump, restore, check = [text for text in texts(PAGE, "sh") if "pg_" in text or "runlake check" in text]
    surroundings["PATH"] = f"{postgres_server.programs}:{os.environ['PATH']}"

    def sh(text):
        return subprocess.run(["sh", "-ec", text], cwd=desk, env=surroundings, capture_output=True, text=True)

    prepare(url, bucket)
    replica = open_cluster(url, bucket, default_entity="ann", cache_dir=tmp_path / "cache")
    kept, later = RunPath("ann", "mnist", "kept"), RunPath("ann", "mnist", "later")
    with contextlib.closing(replica):
        handles = {path: replica.begin_writer(path, WriterStart()) for path in (kept,)}
        replica.write_batch(kept, handles[kept].writer, rows(0, 10))
        list(replica.seal("ann", "mnist"))
        replica.write_batch(kept, handles[kept].writer, rows(10, 10))
        before = listed(replica)
        assert before == {"kept": [n / 4 for n in range(20)]}
        done = sh(dump)
        assert done.returncode == 0, done.stderr

        replica.write_batch(kept, handles[kept].writer, rows(20, 10))
        replica.write_batch(kept, handles[kept].writer, WriterBatch(exit_code=0))
        replica.write_batch(later, replica.begin_writer(later, WriterStart()).writer, WriterBatch(exit_code=0))
        list(replica.seal("ann", "mnist"))
        assert listed(replica) == {"kept": [n / 4 for n in range(30)], "later": []}

        load, start = restore.split("export ")
        restored = f"restored{os.getpid()}"
        restored_url = postgres_server.url_of(restored)
        load = re.sub(r"postgresql://\S+/restored", restored_url, load).replace(" restored", f" {restored}")
        done = sh(load)
        assert done.returncode == 0, done.stderr

        surroundings["RUNLAKE_DATABASE"] = restored_url
        line = re.search("runlake serve.*", start)[0]
        refused = warm.run(
            [sys.executable, "-m", *line.replace(" --take-over-bucket", "").split()],
            cwd=desk,
            env=surroundings,
            capture_output=True,
            text=True,
        )
        assert (refused.returncode != 0, "is a copy" in refused.stderr) == (True, True), refused.stderr
        server, _, _ = serve(line, desk, surroundings)
        server.terminate()
        server.wait()
        server.stdout.close()

        # A replica that knew what came after the dump goes on over what was restored, under the name that it knows.
        old = url.partition("@/")[2].partition("?")[0]
        with psycopg.connect(postgres_server.url_of("postgres"), autocommit=True) as connection:
            connection.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{old}'")
            connection.execute(f"alter database {old} rename to {old}_gone")
            connection.execute(f"alter database {restored} rename to {old}")
        assert listed(replica) == before

    surroundings["RUNLAKE_DATABASE"] = url
    done = warm.run(
        [sys.executable, "-m", *shlex.split(os.path.expandvars(check))],
        cwd=desk,
        env=surroundings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    found = [line.split() for line in done.stdout.splitlines()[1:]]
    assert {(path, kind) for path, kind, *_ in found} == {("-", "foreign")}, done.stdout
    assert any(place.startswith("segments/") for _, _, place, *_ in found), done.stdout
