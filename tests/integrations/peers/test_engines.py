"""The programs of the page about engines answer what was logged, each by the engine that it is about."""

import ast
import contextlib
import os
import subprocess

import pytest
from peer_seats import TIMEOUT_S, peer_python
from seat import CHECKOUT

from engines_page import MEANS, means_in, programs, serving, train_two
from runlake.service.local.service import LocalService

ENGINES = ("duckdb", "polars", "pyarrow", "dask", "ray")
SAIL = """
from pysail.spark import SparkConnectServer

server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
"""
ONE_MACHINE = '.master("local[1]").config("spark.ui.enabled", "false")'
REMOTE = '.remote(f"sc://127.0.0.1:{server.listening_address[1]}")'
PUSHDOWN = '.config("spark.sql.python.filterPushdown.enabled", "true")'

QUESTIONS = """
def values(**options):
    reader = spark.read.format("runlake").option("store", STORE)
    for name, value in options.items():
        reader = reader.option(name, value)
    return reader.load("digits")

found = values(pushdown="true").where("key = 'loss' and run_id in ('b', 'none') and f64 > 15")
rows = [tuple(row) for row in found.select("run_id", "step", "f64").orderBy("step").collect()]
one = values(run_ids='["a"]').select("key").distinct().orderBy("key").collect()
try:
    values(strem="history").count()
    error = ""
except Exception as raised:
    error = str(raised)
print(repr([rows, [key for (key,) in one], "there is no option strem" in error]))
"""
ANSWERS = [
    [("b", 2, 20.0), ("b", 3, 30.0), ("b", 4, 40.0)],
    ["_runtime", "_step", "_timestamp", "loss", "other"],
    True,
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    train_two(folder / ".runlake")
    with contextlib.closing(LocalService(folder / ".runlake", default_entity="ann")) as service:
        list(service.seal("ann", "digits"))
    return folder


@pytest.fixture
def bucket(new_cluster_store):
    """The address of a server over a store in a bucket."""
    with contextlib.closing(new_cluster_store()) as store, serving(store) as url:
        yield url


def answer(peer, program, desk, variables=None):
    """What a program prints last, run by a peer's Python that has runlake's sources on its path."""
    python = peer_python(peer)
    packages = next((python.parent.parent / "lib").glob("python*/site-packages"))
    extension = next(packages.glob("duckdb_extension_httpfs/extensions/*/*"), "httpfs")
    environment = {
        **{"PATH": os.environ["PATH"], "HOME": str(desk), "LANG": "C.UTF-8", "LOGNAME": "ann"},
        **{"PYTHONPATH": str(CHECKOUT / "src"), "PYSPARK_PYTHON": str(python), "SPARK_LOCAL_IP": "127.0.0.1"},
        **{"RAY_USAGE_STATS_ENABLED": "0", "NO_PROXY": "127.0.0.1"},
        **(variables or {}),
    }
    script = desk / "program.py"
    script.write_text(program.replace("INSTALL httpfs", f"INSTALL '{extension}'"), "utf-8")
    done = subprocess.run(
        [str(python), str(script)],
        cwd=desk,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_reads_a_folder(desk, engine):
    assert means_in(answer("engines", programs("The files")[engine], desk)) == MEANS


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_reads_a_bucket(desk, bucket, s3_server, engine):
    program = programs("From a bucket")[engine].replace("http://127.0.0.1:8080", bucket)
    assert means_in(answer("engines", program, desk, s3_server.environment())) == MEANS


@pytest.mark.parametrize("place", ["folder", "bucket"])
@pytest.mark.parametrize("peer", ["engines", "spark"])
def test_spark_reads_both_without_a_key_of_the_bucket(desk, request, peer, place):
    store = ".runlake" if place == "folder" else request.getfixturevalue("bucket")
    page = programs("Spark")["pyspark"].replace('".runlake"', repr(store))
    before, builder = (SAIL, REMOTE) if peer == "engines" else ("", ONE_MACHINE)
    program = before + page.replace(".builder", f".builder{builder}{PUSHDOWN}") + f"STORE = {store!r}\n" + QUESTIONS
    *_, first, second = answer(peer, program, desk).strip().splitlines()
    assert (means_in(first), ast.literal_eval(second)) == (MEANS, ANSWERS)
