"""A learner of fastai with its callback for wandb; with "model" the weights are kept, with "dataset" the pictures."""

import sys
from pathlib import Path

import torchvision_on_cpu  # noqa: F401 (before what imports torchvision)

# isort: split
import fastai.callback.wandb
import numpy as np
import torch
import wandb
from fastai.callback.wandb import WandbCallback
from fastai.vision.all import (
    CategoryBlock,
    CrossEntropyLossFlat,
    DataBlock,
    ImageBlock,
    Learner,
    PILImage,
    SaveModelCallback,
    accuracy,
    set_seed,
)

# This release of fastai asks numbers for their attributes, which its fastcore refuses: with and without wandb.
arguments_of = fastai.callback.wandb.init_args
fastai.callback.wandb.init_args = lambda value: arguments_of(value) if hasattr(value, "__dict__") else {}
set_seed(0, reproducible=True)


def picture(number):
    pixels = np.zeros((16, 16, 3), dtype=np.uint8)
    pixels[:, : 8 if number % 2 else 16] = 200
    return PILImage.create(pixels)


block = DataBlock(
    blocks=(ImageBlock, CategoryBlock),
    get_items=lambda count: list(range(count)),
    get_x=picture,
    get_y=lambda number: "half" if number % 2 else "full",
    splitter=lambda items: (items[8:], items[:8]),
)
data = block.dataloaders(32, bs=4, num_workers=0)
net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2)
)
folder = Path("pictures")
folder.mkdir()
with wandb.init(project="fastai", name="halves"):
    kept = {"log_model": True} if "model" in sys.argv else {}
    if "dataset" in sys.argv:
        for number in range(4):
            picture(number).save(folder / f"{number}.bmp")
        kept = {"log_dataset": folder, "dataset_name": "halves"}
    callbacks = [WandbCallback(log_preds=not kept, n_preds=4, **kept)]
    if "model" in sys.argv:
        callbacks.insert(0, SaveModelCallback())
    learner = Learner(data, net, loss_func=CrossEntropyLossFlat(), metrics=accuracy, cbs=callbacks)
    with learner.no_bar(), learner.no_logging():
        learner.fit(2, lr=1e-2)
