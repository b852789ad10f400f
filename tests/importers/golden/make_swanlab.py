"""Makes what SwanLab leaves: ``python make_swanlab.py FOLDER``, with the version of SwanLab that is installed.

Beside this file lies what two versions made of it, packed as ``swanlab-<version>.tar.gz``.
"""

import math
import sys

import numpy as np
import swanlab


def main(folder):
    """One run, offline."""
    swanlab.init(
        project="mnist",
        experiment_name="calm",
        description="about it",
        config={"lr": 0.1, "opt": {"name": "adam"}},
        tags=["a", "b"],
        logdir=folder,
        mode="offline",
    )
    print("hello from the console")
    for step in range(3):
        swanlab.log({"loss": 1 / (step + 1), "val/acc": step / 10}, step=step)
    swanlab.log({"loss": math.nan, "Loss": math.inf, "down": -math.inf}, step=3)
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    swanlab.log({"img": swanlab.Image(pixels, caption="black"), "text": swanlab.Text("é")}, step=4)
    swanlab.finish()


if __name__ == "__main__":
    main(sys.argv[1])
