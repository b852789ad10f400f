"""What other trackers track here and now, each of several versions in an environment of its own, is imported whole."""

import subprocess
import sys

import pytest
from peer_seats import TIMEOUT_S, peer_python
from seat import CHECKOUT

sys.path.append(str(CHECKOUT / "tests" / "importers"))

from imported import GOLDEN, Imports
from peer_expectations import INF, check_mlflow, check_mlflow_model, check_swanlab, check_trackio


def tracked(name, script, home):
    """A folder in which the script beside the golden files has run with a tracker."""
    folder = home / "tracked"
    command = [str(peer_python(name)), str(GOLDEN / script), str(folder)]
    variables = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(home), "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=home, env=variables, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def imports(tmp_path):
    return Imports(tmp_path / "store")


@pytest.mark.parametrize("name", ["mlflow-1", "mlflow-2", "mlflow"])
def test_mlflow(name, imports, tmp_path):
    folder = tracked(name, "make_mlflow.py", tmp_path)
    with_model = name != "mlflow-1"
    assert imports.take(folder / "database") == ["new"] * (5 if with_model else 4)
    # The run that goes on may have rows that come later.
    assert imports.lost()[0] in ({}, {"held-back row": 1})
    if with_model:
        check_mlflow_model(imports, is_logged=name == "mlflow")
        imports.done = [one for one in imports.done if one.path.project != "models"]
    check_mlflow(imports)
    assert set(imports.take(folder / "database")) == {"same", "continued"}
    of_files = Imports(tmp_path / "of files")
    of_files.take(folder / "files")
    check_mlflow(of_files)
    assert {one.path.run_id for one in of_files.done}.isdisjoint(one.path.run_id for one in imports.done)


def test_trackio(imports, tmp_path):
    folder = tracked("trackio", "make_trackio.py", tmp_path)
    assert imports.take(folder / "database") == ["new", "new"]
    check_trackio(imports, has_artifacts=True)
    assert imports.take(folder / "database") == ["continued", "continued"]
    of_parquet = Imports(tmp_path / "of parquet")
    of_parquet.take(folder / "parquet")
    check_trackio(of_parquet, has_artifacts=False)


@pytest.mark.parametrize(("name", "down"), [("swanlab-0.7", INF), ("swanlab", -INF)])
def test_swanlab(name, down, imports, tmp_path):
    folder = tracked(name, "make_swanlab.py", tmp_path)
    assert imports.take(folder) == ["new"]
    check_swanlab(imports, down=down)
    assert imports.take(folder) == ["same"]


def test_a_run_of_mlflow_comes_while_it_is_tracked(imports, tmp_path):
    """Its database is imported again and again meanwhile: no row comes twice or is lost, and nobody is stopped."""
    script = tmp_path / "track.py"
    script.write_text(
        "import mlflow\n"
        "mlflow.set_tracking_uri('sqlite:///mlflow.db')\n"
        "with mlflow.start_run(run_name='live'):\n"
        "    print('begun', flush=True)\n"
        "    for step in range(300):\n"
        "        mlflow.log_metrics({'loss': 1.0 / (step + 1), 'n': step}, step=step)\n"
    )
    with subprocess.Popen(
        [str(peer_python("mlflow")), str(script)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        while process.poll() is None:
            imports.take(tmp_path / "mlflow.db")
        assert process.returncode == 0
    imports.take(tmp_path / "mlflow.db")
    assert imports.rows("live") == [(step, {"loss": 1 / (step + 1), "n": float(step)}) for step in range(300)]
    assert imports.info("live").state == "finished"
