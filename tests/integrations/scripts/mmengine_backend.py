"""A Runner of MMEngine whose visualizer writes to wandb."""

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.visualization import Visualizer


class Line(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, points, sums, mode):
        return {"loss": torch.nn.functional.mse_loss(self.layer(points), sums)}


torch.manual_seed(0)
points = torch.randn(32, 4)
data = torch.utils.data.TensorDataset(points, points.sum(1, keepdim=True))
runner = Runner(
    model=Line(),
    work_dir="work",
    train_dataloader={
        "dataset": data,
        "batch_size": 8,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "default_collate"},
    },
    train_cfg={"by_epoch": True, "max_epochs": 2},
    optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
    default_hooks={"logger": {"type": "LoggerHook", "interval": 2}, "checkpoint": None},
    visualizer={
        "type": "Visualizer",
        "vis_backends": [{"type": "WandbVisBackend", "init_kwargs": {"project": "mmengine", "name": "line"}}],
    },
    randomness={"seed": 0},
    experiment_name="line",
)
picture = np.zeros((8, 8, 3), dtype=np.uint8)
picture[2:4] = 255
Visualizer.get_current_instance().add_image("picture", picture)
runner.train()
