"""What the official client is asked to do, in its own environment: ``official.py train|scan|runs …``.

Prints its seconds as JSON. Knows nothing of runlake.
"""

import json
import os
import pathlib
import random
import resource
import sys
import time

import wandb


def train(row_count):
    """A run of rows with five scalars, from init to finished."""
    random.seed(0)
    rows = [{f"metric_{i}": random.random() for i in range(5)} for _ in range(1000)]
    began_at = time.perf_counter()
    with wandb.init(entity="ada", project="benchmark", id="trained") as run:
        for number in range(int(row_count)):
            run.log(rows[number % 1000])
    return {"seconds": time.perf_counter() - began_at}


def scan(path):
    """Every row of a run."""
    run = wandb.Api(timeout=120).run(path)
    began_at = time.perf_counter()
    count = sum(1 for _ in run.scan_history(page_size=10_000))
    return {"seconds": time.perf_counter() - began_at, "count": count}


def runs(path):
    """All runs of a project with config and summary."""
    began_at = time.perf_counter()
    found = wandb.Api(timeout=120).runs(path, per_page=50, lazy=False)
    count = sum(1 for run in found if run.config and run.summary)
    return {"seconds": time.perf_counter() - began_at, "count": count}


def artifact(folder):
    """Log a folder as an artifact and download it, in processor seconds of this process and all that it began."""
    before_s = _cpu_s()
    with wandb.init(entity="ada", project="benchmark") as run:
        made = wandb.Artifact("files", "dataset")
        made.add_dir(folder)
        run.log_artifact(made).wait()
        target = run.use_artifact("files:latest").download(skip_cache=True)
    count = sum(1 for place in pathlib.Path(target).rglob("*") if place.is_file())
    wandb.teardown()
    return {"cpu_s": _cpu_s() - before_s, "count": count}


def _cpu_s():
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    answer = {"train": train, "scan": scan, "runs": runs, "artifact": artifact}[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(answer), flush=True)
    os._exit(0)  # the client waits at exit for its helper process, which now and then does not hear that it shall end
