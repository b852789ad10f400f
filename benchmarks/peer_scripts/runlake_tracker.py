"""runlake itself; RUNLAKE_DIR names its store."""

import runlake

PROJECT = "benchmark"


def start(folder):
    run = runlake.init(project=PROJECT)
    return (lambda row, step: run.log(row)), run.finish


def load():
    import pyarrow.parquet  # noqa: F401

    len(runlake.Api().runs(PROJECT))


def read(folder):
    return stored_run().to_pandas()


def read_key(folder, key):
    return stored_run().to_pandas(keys=[key])


def stored_run():
    return runlake.Api().runs(PROJECT)[0]
