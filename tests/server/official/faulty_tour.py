"""Artifacts that are logged while the network, or the server, fails again and again."""

import sys
from pathlib import Path

import wandb

entity, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    path = Path(f"files/{number}.txt")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{number}\n" * 1000)
with wandb.init(entity=entity, project="faults", id="logger", settings={"init_timeout": 600}) as run:
    for round_number in range(2):
        Path("files/changed.txt").write_text(str(round_number))
        artifact = wandb.Artifact("data", "dataset")
        artifact.add_dir("files")
        logged = run.log_artifact(artifact).wait()
        print("=>", f"round{round_number}", f'["{logged.version}", "{logged.digest}"]', flush=True)
