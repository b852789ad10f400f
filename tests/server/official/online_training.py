"""A run of the official client before a server: one of everything that a run there has."""

import math
import sys
from pathlib import Path

import wandb

with wandb.init(
    project="moved", id=sys.argv[1], name="calm", config={"lr": 0.1, "model": {"layers": 2}},
    tags=["a"], notes="n", group="g", job_type="j",
) as run:  # fmt: skip
    run.define_metric("loss", summary="min,max")
    run.define_metric("epoch", hidden=True)
    run.define_metric("val/*", step_metric="epoch", step_sync=True)
    run.define_metric("acc", step_metric="epoch", summary="last")
    run.alert("careful", "it is hot")
    for step in range(200):
        run.log({"loss": 1 / (step + 1), "deep": {"n": step}, "text": "é", "half": step + 0.5})
    page = wandb.Html("<b>page</b>")
    run.log({"nan": math.nan, "inf": math.inf, "hist": wandb.Histogram([1, 2, 3]), "page": page}, step=500)
    run.config.update({"later": True})
    run.summary["best"] = 7
    Path("note.txt").write_text("saved")
    run.save("note.txt")
    print("printed")
    data = wandb.Artifact("data", "dataset")
    with data.new_file("rows.csv") as file:
        file.write("a,b")
    run.log_artifact(data).wait()
    run.use_artifact("data:latest")
    for content in ("first", sys.argv[1]):
        model = wandb.Artifact("model", "model", description="of this run", metadata={"content": content})
        with model.new_file("a/weights.txt") as file:
            file.write(content)
        model.add_reference("https://example.com/data.zip", name="data", checksum=False)
        run.log_artifact(model, aliases=["best"], tags=["t"])
