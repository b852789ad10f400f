"""Tables of the official client, which are artifacts too: each answer is printed as a line ``=> name json``."""

import sys
from pathlib import Path

import numpy as np
import wandb
from answering import answer

ENTITY, PROJECT = "ada", sys.argv[1] if len(sys.argv) > 1 else "tables"
PLACE = {"entity": ENTITY, "project": PROJECT}
HOME = f"{ENTITY}/{PROJECT}"


def found(name):
    return wandb.Api().artifact(f"{HOME}/{name}")


def pages(*texts):
    return wandb.Table(columns=["id", "page"], data=[[i, wandb.Html(f"<b>{text}</b>")] for i, text in enumerate(texts)])


def log_in_run():
    with wandb.init(**PLACE, id="logger") as run:
        run.log({"plain": wandb.Table(columns=["i", "text"], data=[[1, "a"], [2, None]])})
        run.log({"shown": pages("a", "b")})
        run.log({"of": {"many": wandb.Table(columns=["i"], data=[[i] for i in range(12_000)])}})
        run.log({"array": wandb.Table(columns=["x"], data=[[np.arange(3)]])})
    run = wandb.Api().run(f"{HOME}/logger")
    return sorted(artifact.name.partition(":")[0] for artifact in run.logged_artifacts())


def read_from_run():
    table = found("run-logger-shown:latest").get("shown")
    long = found("run-logger-many:latest").get("many")
    return [table.columns, len(table.data), type(table.data[0][1]).__name__, len(long.data)]


def log_in_artifact():
    artifact = wandb.Artifact("tables", "dataset")
    left = wandb.Table(columns=["id", "x"], data=[[0, "a"], [1, "b"]])
    right = wandb.Table(columns=["id", "y"], data=[[0, 0.5], [1, 1.5]])
    artifact.add(left, "left"), artifact.add(right, "right")
    artifact.add(wandb.JoinedTable(left, right, "id"), "joined")
    artifact.add(pages("in an artifact"), "shown")
    for number in range(2):
        artifact.add(wandb.Table(columns=["n"], data=[[number]]), f"parts/{number}")
    artifact.add(wandb.data_types.PartitionedTable("parts"), "whole")
    with wandb.init(**PLACE, id="packer") as run:
        return run.log_artifact(artifact).wait().file_count


def read_from_artifact():
    artifact = found("tables:v0")
    joined, whole = artifact.get("joined"), artifact.get("whole")
    return [
        artifact.get("left").data,
        [joined._join_key, joined._table1.data, joined._table2.data],
        sorted(list(row) for _, row in whole.iterrows()),
        Path(artifact.get("shown").data[0][1]._path).read_text(),
    ]


def refer():
    """A table of an artifact that is there, in another: its files are referred to."""
    with wandb.init(**PLACE, id="referrer") as run:
        source = run.use_artifact("tables:v0")
        artifact = wandb.Artifact("referring", "dataset")
        artifact.add(source.get("left"), "again")
        artifact.add_reference(source.get_entry("right.table.json").ref_url(), name="right.table.json")
        logged = run.log_artifact(artifact).wait()
    entries = found(logged.name).manifest.entries
    referred = sorted(name for name, entry in entries.items() if (entry.ref or "").startswith("wandb-artifact://"))
    folder = Path(found(logged.name).download())
    return [referred, sorted(file.name for file in folder.rglob("*.json"))]


def refer_to_draft():
    """A table of an artifact that is logged right before: known by the id that the client gave it."""
    table = wandb.Table(columns=["a"], data=[[1]])
    first, second = wandb.Artifact("drafted", "dataset"), wandb.Artifact("drafted-after", "dataset")
    first.add(table, "table")
    second.add(table, "table")
    with wandb.init(**PLACE, id="drafter") as run:
        run.log_artifact(first)
        run.log_artifact(second).wait()
    return found("drafted-after:v0").get("table").data


answer("log-in-run", log_in_run)
answer("read-from-run", read_from_run)
answer("log-in-artifact", log_in_artifact)
answer("read-from-artifact", read_from_artifact)
answer("refer", refer)
answer("refer-to-draft", refer_to_draft)
