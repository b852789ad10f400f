"""Objects in artifacts: those that runlake added are read, and others added for it to read."""

import numpy as np
import wandb
from answering import answer

api = wandb.Api()


def ours(name):
    return api.artifact("ada/shared/ours:latest").get(name)


answer("points", lambda: [ours("points").columns, ours("points").data])
answer("page", lambda: ours("pages").data[0][1].html)
answer("joined", lambda: [ours("joined")._table1.data, ours("joined")._table2.data, ours("joined")._join_key])
answer("parts", lambda: [row for _, row in ours("whole").iterrows()])

with wandb.init(entity="ada", project="shared", id="theirs") as run:
    added = wandb.Artifact("theirs", "dataset")
    added.add(wandb.Table(columns=["x", "y"], data=[[1, "a"], [2, "b"]]), "points")
    page = wandb.Html("<b>theirs</b>", inject=False)
    added.add(wandb.Table(columns=["i", "page"], data=[[1, page]]), "pages")
    added.add(wandb.Table(columns=["v"], data=[[np.eye(2)], [np.ones((2, 2))]]), "arrays")
    left, right = (wandb.Table(columns=["x", "y"], data=[[1, text]]) for text in "ab")
    added.add(wandb.JoinedTable(left, right, "x"), "joined")
    for number in range(2):
        added.add(wandb.Table(columns=["n"], data=[[number]]), f"parts/{number}")
    added.add(wandb.data_types.PartitionedTable("parts"), "whole")
    run.log_artifact(added).wait()
    same = wandb.Artifact("plain", "dataset")
    with same.new_file("a.txt") as file:
        file.write("the same")
    answer("digest", lambda: same.digest)
    answer("version", lambda: run.log_artifact(same).wait().version)
    other = wandb.Artifact("referring", "dataset")
    other.add_reference(added.get_entry("points.table.json").ref_url(), "of-another.table.json")
    run.log_artifact(other).wait()
