"""The page about many machines does what it says; for rsync stands a cp that knows the same options."""

import shutil
import subprocess
from itertools import pairwise

import pytest
from pages import blocks, make_desk, run_command, run_python, texts

from waiting import wait_for_captures

PAGE = "docs/guide/many-machines.md"
LAPTOP, CLUSTER = ".runlake", "cluster/scratch/.runlake"
TRAIN = """
import runlake


def train(run_id, store):
    with runlake.init(entity="ann", project="letters", id=run_id, store=store, settings={"seal": "off"}) as run:
        run.log({"loss": 0.5})


"""
ON_BOTH = f"""{TRAIN}
for store, name in (("{LAPTOP}", "laptop"), ("{CLUSTER}", "cluster")):
    train(name, store)
    run = runlake.Api(store).run("ann/letters/both")
    run.config[name] = 1
    run.update()
    print(len(runlake.Api(store).runs("ann/letters")))
"""
LIST = """
import runlake

for run in runlake.Api("{store}").runs("ann/letters"):
    print(run.id, len(run.history(pandas=False)), sorted(run.config))
"""


def recipes():
    """Each block of the page as its commands."""
    return [[line.removeprefix("$ ") for line in text.splitlines()] for text in texts(PAGE, "console")]


def run_line(line, desk):
    program, *arguments = line.split()
    if program == "runlake":
        return run_command(line, desk)
    if program == "rm":
        assert arguments == ["-rf", ".runlake/.catalog"]
        shutil.rmtree(desk / ".runlake" / ".catalog", ignore_errors=True)
        return ""
    assert program == "rsync"
    *options, source, target = arguments
    excluded = [name for flag, name in pairwise(options) if flag == "--exclude"]
    plain = desk / "what rsync reads"
    shutil.copytree(desk / source.replace(":", "/"), plain, ignore=shutil.ignore_patterns(*excluded))
    (desk / target).mkdir(exist_ok=True)
    update = ["--update"] if "--update" in options else []
    subprocess.run(["cp", "-a", *update, f"{plain}/.", desk / target], check=True)
    shutil.rmtree(plain)
    return ""


@pytest.fixture
def desk(tmp_path):
    """A laptop's store, and one of a cluster: both have the run `both`, edited on either side, and one of their own."""
    desk = make_desk(tmp_path)
    run_python(f'{TRAIN}train("both", "{LAPTOP}")', desk)
    wait_for_captures(desk / LAPTOP)
    shutil.copytree(desk / LAPTOP, desk / CLUSTER)
    assert run_python(ON_BOTH, desk) == "2\n2\n"
    # A file that is still being written when stores are brought together is another one the next time.
    wait_for_captures(desk / LAPTOP)
    wait_for_captures(desk / CLUSTER)
    return desk


UNION = "both 1 ['cluster', 'laptop']\nlaptop 1 []\ncluster 1 []\n"


def runs(store, desk):
    return run_python(LIST.format(store=store), desk)


def test_the_merge_brings_everything_and_the_way_back_too(desk):
    first, both_ways, _ = recipes()
    said = [run_line(line, desk) for line in first]
    assert "1 new, 1 joined" in said[-1]
    assert runs(LAPTOP, desk) == UNION
    said = [run_line(line, desk) for line in both_ways]
    assert "0 new, 2 the same" in said[0]
    assert runs("from-the-cluster", desk) == UNION


def test_rsync_alone_does_it_for_two_copies_of_one_store(desk):
    for line in recipes()[2]:
        run_line(line, desk)
    assert runs(LAPTOP, desk) == UNION


def test_there_is_no_other_kind_of_block():
    assert [kind for kind, _ in blocks(PAGE)] == ["console"] * 3
