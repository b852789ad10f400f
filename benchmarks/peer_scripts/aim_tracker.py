"""Aim, a local repository. A finished run is found by its reader once the repository has been indexed."""

import subprocess
import sys
from pathlib import Path

from aim import Repo, Run
from rows import KEYS


def start(folder):
    run = Run(repo=str(folder))
    return (lambda row, step: run.track(row, step=step)), run.close


def settle(folder):
    command = Path(sys.executable).with_name("aim")
    subprocess.run([command, "storage", "--repo", folder, "reindex", "-y"], check=True, stdout=sys.stderr)


def read(folder):
    return frame(folder, KEYS)


def read_key(folder, key):
    return frame(folder, [key])


def frame(folder, keys):
    import pandas as pd

    repository = Repo(str(folder))
    (name,) = repository.list_all_runs()
    columns = {}
    for metric in repository.get_run(name).metrics():
        if metric.name in keys:
            steps, values = metric.values.sparse_numpy()
            columns[metric.name] = pd.Series(values, index=steps)
    return pd.DataFrame(columns)
