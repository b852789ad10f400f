"""A loop as many repositories have it: estimates of the loss each few steps, a dict of globals as the config."""

import math

import torch
import wandb

wandb_log = True
wandb_project = "loop"
wandb_run_name = "mini-gpt"
batch_size = 8
learning_rate = 1e-3
max_iters = 10
eval_interval = 2
device = "cpu"
config_keys = [k for k, v in globals().items() if not k.startswith("_") and isinstance(v, int | float | bool | str)]
config = {k: globals()[k] for k in config_keys}

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Embedding(16, 8), torch.nn.Linear(8, 16))
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)


def estimate_loss():
    tokens = torch.randint(16, (batch_size, 9))
    with torch.no_grad():
        return torch.nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())


if wandb_log:
    wandb.init(project=wandb_project, name=wandb_run_name, config=config)
for iter_num in range(max_iters + 1):
    lr = learning_rate * 0.5 * (1 + math.cos(math.pi * iter_num / max_iters))
    for group in optimizer.param_groups:
        group["lr"] = lr
    if iter_num % eval_interval == 0:
        losses = {split: estimate_loss() for split in ("train", "val")}
        if wandb_log:
            wandb.log(
                {
                    "iter": iter_num,
                    "train/loss": losses["train"],
                    "val/loss": losses["val"],
                    "lr": lr,
                    "mfu": -1.0 * 100,
                }
            )
    tokens = torch.randint(16, (batch_size, 9))
    loss = torch.nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
