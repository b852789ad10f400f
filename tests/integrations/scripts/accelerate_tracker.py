"""A loop under Accelerate whose tracker is wandb; with "two" ``accelerate launch`` runs it as two processes."""

import subprocess
import sys

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed


def main():
    set_seed(0)
    accelerator = Accelerator(cpu=True, log_with="wandb")
    accelerator.init_trackers("accelerate", config={"lr": 0.1, "layers": 2}, init_kwargs={"wandb": {"name": "loop"}})
    model = torch.nn.Linear(4, 1)
    points = torch.randn(64, 4)
    data = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(points, points.sum(1, keepdim=True)), batch_size=16
    )
    model, optimizer, data = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), data)
    step = 0
    for epoch in range(2):
        for points, sums in data:
            loss = torch.nn.functional.mse_loss(model(points), sums)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            mean = accelerator.gather(loss.detach()).mean().item()
            accelerator.log({"loss": mean, "epoch": epoch}, step=step)
            step += 1
    if accelerator.is_main_process:
        tracker = accelerator.get_tracker("wandb", unwrap=True)
        tracker.summary["processes"] = accelerator.num_processes
    accelerator.end_training()


if __name__ == "__main__":
    if "two" in sys.argv:
        launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", __file__]
        sys.exit(subprocess.run(launch, check=False).returncode)
    main()
