"""The end of a training as detection repositories have it: pictures, a table, and the best model as an artifact."""

from pathlib import Path

import numpy as np
import wandb

run = wandb.init(project="detection", name="exp", config={"epochs": 3}, job_type="Training", allow_val_change=True)
for epoch in range(3):
    run.log({"metrics/mAP_0.5": epoch / 10, "train/box_loss": 1 / (epoch + 1)}, step=epoch)
picture = np.zeros((16, 16, 3), dtype=np.uint8)
picture[4:8] = 255
run.log({"Results": [wandb.Image(picture, caption=name) for name in ("results.png", "confusion.png")]})
run.log({"Table": wandb.Table(columns=["picture", "score"], data=[[wandb.Image(picture), 0.5]])})
Path("best.pt").write_bytes(b"weights")
artifact = wandb.Artifact(f"run_{run.id}_model", type="model", metadata={"epochs": 3})
artifact.add_file("best.pt", name="best.pt")
wandb.log_artifact(artifact, aliases=["latest", "best"])
run.log({"last": 1})
wandb.finish()
