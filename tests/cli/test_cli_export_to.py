"""`runlake export --to` as a user sees it."""

import pytest

from runlake.importers.tensorboard import read as read_events
from runlake.importers.wandb_offline import find_logs


def test_a_project_goes_to_tensorboard_with_what_has_no_home_there(runlake, runs, tmp_path):
    folder = tmp_path / "tb"
    done = runlake("export", "digits/", "--to", "tensorboard", "-o", str(folder))
    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["RUN", "ROWS", "FILES", "NO", "HOME", "THERE"]
    assert done.err == f"wrote {len(done.out.splitlines()) - 1} runs to {folder} for tensorboard\n"
    assert len(list(read_events(folder))) == len(done.out.splitlines()) - 1
    assert runlake("export", "digits/", "--to", "tensorboard", "-o", str(folder)) == done


def test_a_run_goes_to_wandb_and_a_filter_chooses_of_a_project(runlake, runs, tmp_path):
    done = runlake("export", "digits/", "--to", "wandb-offline", "-o", str(tmp_path), "--filter", '{"name": "no"}')
    assert (done.code, done.err) == (0, f"wrote 0 runs to {tmp_path} for wandb-offline\n")
    (name, *_) = runlake("export", "digits/", "--runs").out.splitlines()[1].split(",")
    assert runlake("export", f"digits/{name}", "--to", "wandb-offline", "-o", str(tmp_path)).code == 0
    assert [log.name for log in find_logs(tmp_path)] == [f"run-{name}.wandb"]


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["--to", "tensorboard"], 2, "--to writes a folder"),
        (["--to", "tensorboard", "-o", "x", "--keys", "loss"], 2, "--to goes with"),
        (["--to", "mlflow", "-o", "x"], 7, 'pip install "runlake[mlflow]"'),
        (["--to", "aim", "-o", "x"], 2, "aim"),
    ],
)
def test_what_cannot_be_says_why(runlake, runs, arguments, code, error):
    done = runlake("export", "digits/", *arguments)
    assert done.code == code
    assert error in done.err
