"""A run in a git checkout, sent as gzip; then one of those that ``stopped_run.py`` goes on with is asked to stop."""

import time
from pathlib import Path

import wandb
from answering import answer

zipped = wandb.Settings(x_file_stream_no_gzip=False, save_code=True)
with wandb.init(entity="ada", project="commands", id="zipped", config={"lr": 0.1}, settings=zipped) as run:
    for step in range(2000):
        run.log({"loss": 1 / (step + 1), "step": step})
    Path("out").mkdir()
    Path("out/kept.txt").write_text("kept\n")
    run.save("out/kept.txt")


def find(run_id):
    """The run, as soon as it is there."""
    for _ in range(100):
        try:
            return wandb.Api().run(f"ada/commands/{run_id}")
        except wandb.errors.CommError:
            time.sleep(0.2)
    raise TimeoutError(run_id)


answer("stop", lambda: [find("by-client").stop(), find("by-store").state])
answer("scan", lambda: [row["loss"] for row in wandb.Api().run("ada/commands/zipped").scan_history(keys=["loss"])])
