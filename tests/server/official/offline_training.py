"""A run of the official client without a server: one of everything that an offline run keeps."""

import math
import sys
from pathlib import Path

import wandb

with wandb.init(
    project="kept", id=sys.argv[1], mode="offline", name="calm", config={"lr": 0.1, "model": {"layers": 2}},
    tags=["a"], notes="n", group="g", job_type="j",
) as run:  # fmt: skip
    run.define_metric("loss", summary="min,max")
    for step in range(200):
        run.log({"loss": 1 / (step + 1), "deep": {"n": step}, "text": "é", "half": step + 0.5})
    run.log({"nan": math.nan, "inf": math.inf, "hist": wandb.Histogram([1, 2, 3])}, step=500)
    run.config.update({"later": True})
    run.summary["best"] = 7
    Path("note.txt").write_text("saved")
    run.save("note.txt")
    run.alert("careful", "it is hot")
    print("printed")
    for content in ("first", "second"):
        model = wandb.Artifact("model", "model", description="of this run", metadata={"content": content})
        with model.new_file("a/weights.txt") as file:
            file.write(content)
        model.add_reference("https://example.com/data.zip", name="data", checksum=False)
        run.log_artifact(model, aliases=["best"], tags=["t"])
