"""The page about several processes: its blocks run, as torchrun and multiprocessing would run them."""

import subprocess
import sys

import pytest
from pages import blocks, environment, make_desk, run_python, texts

import warm
from waiting import DEADLINE_S

PAGE = "docs/guide/distributed.md"


def run_ranks(code, desk, ranks=2):
    """The same script as so many processes, with the variables that torchrun sets."""
    (desk / "train.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-W", "error", "train.py"]
    started = []
    for rank in range(ranks):
        ours = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks), "TORCHELASTIC_RUN_ID": "digits-1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(warm.Popen(command, cwd=desk, env={**environment(desk), **ours}, **pipes))
    for process in started:
        _, complaint = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0, complaint


@pytest.mark.long
def test_the_blocks_print_what_the_page_says(tmp_path):
    desk = make_desk(tmp_path)
    alone = [text for text in texts(PAGE, "python") if 'os.environ["RANK"]' not in text]
    assert [run_python(code, desk) for code in alone] == texts(PAGE, "text")


def test_every_rank_is_in_the_run(tmp_path):
    desk = make_desk(tmp_path)
    of_ranks = [text for text in texts(PAGE, "python") if 'os.environ["RANK"]' in text]
    assert len(of_ranks) == 2
    for code in of_ranks:
        run_ranks(code, desk)
    read = """
import runlake

for name, count in (("digits-1", 3), ("digits-2", 1)):
    run = runlake.Api().run(f"digits/{name}")
    assert (run.state, run.row_count, len(run.generations)) == ("finished", 2 * count, 1)
    for rank in range(2):
        rows = list(run.scan_history(keys=[f"loss/rank_{rank}"]))
        assert len(rows) == count
        # A rank of three rows may have ended before the other looks, which then goes on behind it.
        assert name == "digits-1" or rows[0]["_step"] == 0
assert sorted(line for line in run.console_logs() if line.startswith("rank")) == ["rank 0 is here", "rank 1 is here"]
assert any(key.endswith("/l:rank_1") for key in run.system_metrics)
"""
    run_python(read, desk)


def test_there_is_no_other_kind_of_block():
    assert {kind for kind, _ in blocks(PAGE)} == {"python", "text", "console"}
