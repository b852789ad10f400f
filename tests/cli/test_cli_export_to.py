"""`runlake export --to` as a user sees it."""

import pytest

from runlake.importers.tensorboard import read as read_events
from runlake.importers.wandb_offline import find_logs


@pytest.fixture
def runs(make_run):
    for name in ("a", "b"):
        make_run(f"ann/digits/{name}", rows=[{"loss": 0.1}, {"loss": 0.5}], tags=["t"])


def test_a_project_goes_to_tensorboard_with_what_has_no_home_there(runlake, runs, tmp_path):
    folder = tmp_path / "tb"
    done = runlake("export", "digits/", "--to", "tensorboard", "-o", str(folder))
    assert done.code == 0
    assert [line.split(maxsplit=3) for line in done.out.splitlines()] == [
        ["RUN", "ROWS", "FILES", "NO HOME THERE"],
        ["ann/digits/a", "2", "0", "1 rounded number; 1 tag"],
        ["ann/digits/b", "2", "0", "1 rounded number; 1 tag"],
    ]
    assert done.err == f"wrote 2 runs to {folder} for tensorboard\n"
    assert [run.run_id for run in read_events(folder)] == ["a", "b"]
    assert runlake("export", "digits/", "--to", "tensorboard", "-o", str(folder)) == done


def test_a_run_goes_to_wandb_and_a_filter_chooses_of_a_project(runlake, runs, tmp_path):
    done = runlake("export", "digits/", "--to", "wandb-offline", "-o", str(tmp_path), "--filter", '{"name": "no"}')
    assert (done.code, done.err) == (0, f"wrote 0 runs to {tmp_path} for wandb-offline\n")
    assert runlake("export", "digits/b", "--to", "wandb-offline", "-o", str(tmp_path)).code == 0
    assert [log.name for log in find_logs(tmp_path)] == ["run-b.wandb"]


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
