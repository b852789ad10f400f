"""A plain SummaryWriter whose event files wandb reads along; with "patch" by ``wandb.tensorboard.patch``."""

import sys

import numpy as np
import wandb
from torch.utils.tensorboard import SummaryWriter

rng = np.random.default_rng(0)
if "patch" in sys.argv:
    wandb.tensorboard.patch(root_logdir="logs")
    run = wandb.init(project="tensorboard", name="patched")
else:
    run = wandb.init(project="tensorboard", name="synced", sync_tensorboard=True)
with SummaryWriter("logs") as writer:
    writer.add_text("hyperparameters", "|param|value|\n|-|-|\n|lr|0.1|")
    for step in range(0, 50, 10):
        writer.add_scalar("losses/value", 1 / (step + 1), step)
        writer.add_scalar("charts/SPS", step * 10, step)
    writer.add_histogram("weights", rng.normal(size=100), 50)
    writer.add_image("picture", (rng.random((3, 8, 8)) * 255).astype(np.uint8), 50)
run.finish()
