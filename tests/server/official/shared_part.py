"""The second process of a run that two write."""

import wandb


def take_part():
    settings = wandb.Settings(mode="shared", x_label="second", x_primary=False, x_update_finish_state=False)
    run = wandb.init(entity="ada", project="lives", id="shared", settings=settings)
    for step in range(4):
        run.log({"by_second": step})
    run.finish()
