"""A run that goes on until somebody asks it to stop: ``python stopped_run.py RUN_ID``."""

import sys
import time

import wandb

with wandb.init(entity="ada", project="commands", id=sys.argv[1]) as run:
    for step in range(600):
        run.log({"step": step})
        time.sleep(0.1)
