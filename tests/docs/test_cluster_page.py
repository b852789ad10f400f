"""The page about stores past one machine does what it says, with the commands as they stand there."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from pages import environment, make_desk, texts

import warm
from runlake.store.folder_store import FolderStore
from trainer import Trainer

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
    said = [server.stdout.readline()]
    while " is served at " not in said[-1]:
        said.append(server.stdout.readline())
        assert said[-1], "the server ended"
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
