"""The page about engines is right about those that are installed beside the tests.

`tests/integrations/peers/test_engines.py` asks all of them.
"""

import contextlib
import sys

import pytest
from pages import environment, make_desk, run_command, run_python

import warm
from engines_page import HERE, MEANS, means_in, programs, serving, train_two


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = make_desk(tmp_path_factory.mktemp("engines"))
    train_two(folder / ".runlake")
    run_command("runlake seal digits", folder)
    return folder


@pytest.mark.parametrize("engine", HERE)
def test_an_engine_reads_a_folder(desk, engine):
    assert means_in(run_python(programs("The files")[engine], desk)) == MEANS


def test_an_engine_reads_a_bucket(tmp_path, new_cluster_store, s3_server):
    desk = make_desk(tmp_path)
    with contextlib.closing(new_cluster_store()) as store, serving(store) as url:
        for engine in ("polars", "pyarrow"):
            program = programs("From a bucket")[engine].replace("http://127.0.0.1:8080", url)
            done = warm.run(
                [sys.executable, "-c", program],
                cwd=desk,
                env={**environment(desk), **s3_server.environment()},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            assert means_in(done.stdout) == MEANS


def test_every_engine_has_a_program_for_both_places():
    folder, bucket = programs("The files"), programs("From a bucket")
    assert set(folder) == set(bucket) == {*HERE, "dask", "ray"}
