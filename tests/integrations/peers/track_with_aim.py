"""Two runs in an Aim repository: ``track_with_aim.py FOLDER``."""

import sys

import numpy as np
from aim import Distribution, Image, Repo, Run, Text

folder = sys.argv[1]
Repo.from_path(folder, init=True)
run = Run(repo=folder, experiment="digits", system_tracking_interval=None, capture_terminal_logs=False)
run.name, run.description = "calm", "a note"
run.add_tag("good")
run["hparams"] = {"lr": 0.1, "layers": [1, 2]}
for step in range(100):
    run.track(1 / (step + 1), name="loss", step=step, epoch=step // 10, context={"subset": "train"})
    if step % 10 == 0:
        run.track({"acc": step / 100, "loss": 2.0}, step=step, context={"subset": "val", "fold": 1})
run.track(float("nan"), name="odd", step=3)
run.track(Text("hello"), name="said", step=5)
run.track(Distribution(np.arange(10.0), bin_count=5), name="spread", step=5)
run.track(Image(np.zeros((4, 4), dtype=np.uint8), caption="black"), name="picture", step=5)
run.close()

other = Run(repo=folder, system_tracking_interval=1, capture_terminal_logs=True, log_system_params=True)
print("printed")
other.track(7, name="n", step=0)
other.close()
print(run.hash, other.hash)
