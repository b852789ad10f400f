"""What real writers of TensorBoard's files write comes to the run, through `import wandb` without wandb.

Needs torch, tensorboard and tensorboardX; each is skipped by name where it is not installed.
"""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from runlake.compat.launch import child_environment

pytestmark = pytest.mark.integration

HEAD = """
import os, signal, sys, time
import numpy as np
import wandb
"""


def run_script(*pieces, code=0):
    """A script in the current folder, below what `runlake exec` puts into the environment."""
    text = "\n".join([HEAD, *map(textwrap.dedent, pieces)])
    done = subprocess.run(
        [sys.executable, "-c", text], env=child_environment(os.environ), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def torch_writer(store):
    pytest.importorskip("torch")
    pytest.importorskip("tensorboard")
    return "from torch.utils.tensorboard import SummaryWriter"


@pytest.fixture
def tensorboardx_writer(store):
    pytest.importorskip("tensorboardX")
    return "from tensorboardX import SummaryWriter"


@pytest.fixture(params=["torch_writer", "tensorboardx_writer"])
def writer(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("argument", ["sync_tensorboard", "tensorboard"])
def test_scalars_of_a_writer_are_rows_with_their_step(store, writer, argument):
    run_script(
        f"wandb.init(project='p', id='r', {argument}=True)",
        writer,
        """
        w = SummaryWriter("runs/one")
        for i in range(3):
            w.add_scalar("loss/train", 0.1 * i, 10 * i)
            w.add_scalar("acc", i / 3, 10 * i)
        w.close()
        """,
    )
    assert store.rows("r") == [
        {"_step": 0, "global_step": 0, "loss/train": 0.0, "acc": 0.0},
        {"_step": 1, "global_step": 10, "loss/train": 0.1, "acc": 0.33333334},
        {"_step": 2, "global_step": 20, "loss/train": 0.2, "acc": 0.6666667},
    ]
    assert [name.startswith("events.out.tfevents.") for name in store.files("r")] == [True]


def test_a_writer_that_nobody_closes_is_read_to_its_end(store, writer):
    run_script(
        "wandb.init(project='p', id='r', sync_tensorboard=True)",
        writer,
        """
        w = SummaryWriter("runs/one")
        for i in range(200):
            w.add_scalar("x", i, i)
        """,
    )
    assert [row["x"] for row in store.rows("r")] == list(range(200))


def test_an_exception_takes_nothing_of_what_was_written(store, torch_writer):
    run_script(
        "wandb.init(project='p', id='r', sync_tensorboard=True)",
        torch_writer,
        """
        w = SummaryWriter("runs/one")
        w.add_scalar("x", 1.0, 1)
        raise RuntimeError("the end")
        """,
        code=1,
    )
    assert (store.run("r").state, store.rows("r")) == ("failed", [{"_step": 0, "global_step": 1, "x": 1.0}])


def test_a_killed_process_keeps_the_rows_that_were_whole(store, torch_writer):
    run_script(
        "run = wandb.init(project='p', id='r')\nwandb.tensorboard.patch(root_logdir='runs')",
        torch_writer,
        """
        w = SummaryWriter("runs/one")
        for i in range(4):
            w.add_scalar("x", i, i)
        w.flush()
        while run.step < 3:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        code=-signal.SIGKILL,
    )
    assert [row["one/x"] for row in store.rows("r")] == [0.0, 1.0, 2.0]


def test_histograms_pictures_and_texts_are_what_they_are(store, torch_writer):
    run_script(
        "wandb.init(project='p', id='r', sync_tensorboard=True)",
        torch_writer,
        """
        w = SummaryWriter("runs/one")
        w.add_histogram("h", np.array([1.0, 2.0, 3.0, 3.0]), 5, bins=2)
        w.add_image("i", np.full((3, 4, 6), 255, np.uint8), 5)
        w.add_text("t", "**bold**", 5)
        w.add_pr_curve("pr", np.array([0, 1]), np.array([0.1, 0.9]), 5, num_thresholds=4)
        w.add_hparams({"lr": 0.1, "layers": 3, "name": "adam"}, {"score": 0.5})
        w.close()
        """,
    )
    first, *_ = store.rows("r")
    assert first["h"] == {"_type": "histogram", "bins": [1.0, 2.0, 3.0], "values": [1, 3]}
    assert (first["i"]["width"], first["i"]["height"], first["i"]["count"]) == (6, 4, 1)
    assert first["t/text_summary"] == "**bold**"
    assert first["pr"]["nrows"] == 4
    assert dict(store.run("r").config) == {"lr": 0.1, "layers": 3, "name": "adam"}


def test_folders_are_prefixes_and_a_library_may_be_left_alone(store, torch_writer, tensorboardx_writer):
    run_script(
        """
        wandb.tensorboard.patch(root_logdir="runs", tensorboard_x=False, save=False)
        wandb.init(project="p", id="r")
        """,
        "from tensorboardX import SummaryWriter as Other",
        torch_writer,
        """
        folders = ((SummaryWriter, "runs/a"), (SummaryWriter, os.path.abspath("runs/b/c")), (Other, "runs/x"))
        for kind, folder in folders:
            w = kind(folder)
            w.add_scalar("s", 1.0, 1)
            w.close()
        wandb.tensorboard.unpatch()
        w = SummaryWriter("runs/late")
        w.add_scalar("s", 1.0, 1)
        w.close()
        """,
    )
    assert [list(row) for row in store.rows("r")] == [
        ["_step", "global_step", "a/s"],
        ["_step", "global_step", "b/c/s"],
    ]
    assert store.files("r") == []


def test_two_runs_of_one_process_get_each_what_was_written_in_their_time(store, torch_writer):
    run_script(
        torch_writer,
        """
        for name in ("one", "two"):
            with wandb.init(project="p", id=name, sync_tensorboard=True):
                w = SummaryWriter(f"runs/{name}")
                w.add_scalar(name, 1.0, 1)
                w.close()
        """,
    )
    assert [[*store.rows(name)[0]][-1] for name in ("one", "two")] == ["one", "two"]


def test_a_disabled_run_leaves_the_writers_alone(store, torch_writer):
    run_script(
        "wandb.init(mode='disabled', sync_tensorboard=True)",
        torch_writer,
        "w = SummaryWriter('runs/one'); w.add_scalar('s', 1.0, 1); w.close(); wandb.finish()",
    )
    assert not store.root.exists()


def test_events_are_read_as_the_package_that_made_them_reads_them():
    pytest.importorskip("tensorboard")
    from hypothesis import given
    from hypothesis import strategies as st
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    from runlake.integrations.tensorboard.event import Buckets, read_event

    numbers = st.floats(allow_nan=False)
    histograms = st.lists(numbers, max_size=4).map(
        lambda found: HistogramProto(min=1.0, max=2.0, bucket_limit=found, bucket=found)
    )

    @given(
        st.floats(allow_nan=False),
        st.integers(-(2**63), 2**63 - 1),
        st.lists(st.tuples(st.text(), st.one_of(st.floats(width=32, allow_nan=False), histograms)), max_size=4),
    )
    def check(wall_time, step, values):
        summary = Summary()
        for tag, value in values:
            kind = "simple_value" if isinstance(value, float) else "histo"
            summary.value.append(Summary.Value(tag=tag, **{kind: value}))
        read = read_event(Event(wall_time=wall_time, step=step, summary=summary).SerializeToString())
        assert (read.wall_time, read.step, [one.tag for one in read.values]) == (
            wall_time,
            step,
            [t for t, _ in values],
        )
        for one, (_, value) in zip(read.values, values, strict=True):
            if isinstance(value, float):
                assert Summary.Value(simple_value=one.value) == Summary.Value(simple_value=value)
            else:
                ends = tuple(value.bucket_limit)
                assert one.value == Buckets(1.0, 2.0, ends, ends)

    check()
