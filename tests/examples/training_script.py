"""A training run of 1,600 rows, to be exported: sparse keys, a NaN, nested settings, a binary model file."""

import argparse
import math
from pathlib import Path

ROW_COUNT = 1600
NAN_STEP = 700
MODEL = bytes(range(256)) * 40
MODEL_NAME = "model-best.h5"

RUN_A, RUN_B = "ada/cifar/uxte44z7", "ada/cifar/k2m8n4p6"
ARGUMENTS = {
    RUN_A: ["--id", "uxte44z7", "--name", "base_adam", "--optimizer", "adam", "--batch-size", "16"],
    RUN_B: ["--id", "k2m8n4p6", "--name", "long_switch", "--optimizer", "rmsprop", "--batch-size", "32"],
}

SWEEP = "ada/digits/s4x7"
SWEEP_RUNS = {"low": 0.81, "high": 0.93, "without": None, "strange": math.nan}
"""What the runs of the sweep reached, by their names, the oldest first; one logged nothing."""


def settings(optimizer, batch_size):
    net = {"layers": 4, "kernel": [3, 3], "head": {"dropout": 0.5}}
    return {"optimizer": optimizer, "batch_size": batch_size, "net": net, "_seed": 7}


def row_of(step):
    """What is logged at a step: `Loss` always, `accuracy` at every second step, `grad` at every tenth."""
    row = {"Loss": math.nan if step == NAN_STEP else 1 / (step + 1)}
    if step % 2 == 1:
        row["accuracy"] = 1 - 1 / (step + 2)
    if step % 10 == 0:
        row["grad"] = {"norm": step / 8}
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--id", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--optimizer", required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    arguments = parser.parse_args()

    import runlake as wandb

    wandb.init(
        entity="ada",
        project="cifar",
        id=arguments.id,
        name=arguments.name,
        config=settings(arguments.optimizer, arguments.batch_size),
    )
    for step in range(ROW_COUNT):
        wandb.log(row_of(step))
    Path(MODEL_NAME).write_bytes(MODEL)
    wandb.save(MODEL_NAME)
    print("trained")
    wandb.finish()


if __name__ == "__main__":
    main()
