"""A run of the official client in any of the versions that are tried, and what its `Api` reads of it."""

import subprocess
import sys
from pathlib import Path

import wandb
from answering import answer

PROJECT = f"versions-{wandb.__version__.replace('.', '-')}"
PLACE = {"entity": "ada", "project": PROJECT}


def train():
    about = {"name": "first", "tags": ["a", "b"], "notes": "n"}
    config = {"lr": 0.1, "net": {"depth": 3, "sizes": [8, 16]}, "name": "größer"}
    settings = wandb.Settings(x_file_stream_transmit_interval=1)
    with wandb.init(**PLACE, id="trained", **about, config=config, settings=settings) as run:
        run.define_metric("accuracy", summary="max")
        for step in range(100):
            run.log({"loss": 1 / (step + 1), "accuracy": step % 50, "grad": {"norm": step / 2}})
        run.summary["best"] = {"step": 7}
        Path("kept.txt").write_text("kept\n")
        run.save("kept.txt")
        run.alert("low", "the loss is low")
        print("trained")
    return run.id


def train_on():
    with wandb.init(**PLACE, id="trained", resume="must") as run:
        run.log({"loss": 0.0})
        return [run.resumed, run.starting_step]


def log_and_use():
    with wandb.init(**PLACE, id="logger") as run:
        artifact = wandb.Artifact("model", "model", metadata={"layers": 3})
        artifact.add_file("kept.txt")
        run.log_artifact(artifact, aliases=["best"]).wait()
    with wandb.init(**PLACE, id="user") as run:
        used = run.use_artifact("model:best")
        text = (Path(used.download(root="fetched")) / "kept.txt").read_text()
    return [used.version, used.metadata, text, used.logged_by().id, [user.id for user in used.used_by()]]


def edit_artifact():
    artifact = api.artifact(f"ada/{PROJECT}/model:v0")
    artifact.description, artifact.tags = "edited", ["small"]
    artifact.aliases.append("prod")
    artifact.save()
    linked = artifact.link(f"ada/{PROJECT}/chosen")
    found = wandb.Api().artifact(f"ada/{PROJECT}/model:prod")
    names = [version.name for version in wandb.Api().artifacts("model", f"ada/{PROJECT}/chosen")]
    return [linked.name, found.description, found.tags, sorted(found.aliases), names]


def train_offline():
    with wandb.init(**PLACE, id="offline", mode="offline", config={"lr": 0.3}) as run:
        for value in (3, 2, 1):
            run.log({"loss": value})
        folder = Path(run.dir).parent
    program = Path(sys.executable).with_name("wandb")
    return subprocess.run([program, "sync", folder], capture_output=True, check=False).returncode


def edit():
    run = wandb.Api().run(f"ada/{PROJECT}/trained")
    run.config["lr"] = 0.2
    run.tags.append("c")
    run.display_name = "renamed"
    run.update()
    run.summary["best"] = 8
    run.summary.update()
    found = wandb.Api().run(f"ada/{PROJECT}/trained")
    return [found.config["lr"], sorted(found.tags), found.name, found.summary["best"]]


def sweep():
    config = {"method": "grid", "parameters": {"x": {"values": [1, 2]}}, "metric": {"name": "y", "goal": "minimize"}}
    sweep_id = wandb.sweep(config, **PLACE)

    def once():
        with wandb.init() as run:
            run.log({"y": run.config["x"] * 2})

    wandb.agent(sweep_id, once, count=2, **PLACE)
    found = wandb.Api().sweep(f"ada/{PROJECT}/{sweep_id}")
    return [sorted(run.summary["y"] for run in found.runs), found.best_run().config["x"]]


answer("version", lambda: wandb.__version__)
answer("train", train)
api = wandb.Api()
run = api.run(f"ada/{PROJECT}/trained")
answer("run", lambda: [run.id, run.name, run.state, sorted(run.tags), run.notes, run.user.username])
answer("config", lambda: run.config)
answer("summary", lambda: {name: run.summary._json_dict[name] for name in ("loss", "accuracy", "_step", "best")})
answer(
    "history", lambda: [len(run.history(samples=20, pandas=False)), run.history(keys=["grad.norm"], pandas=False)[-1]]
)
answer("scan", lambda: [row["loss"] for row in run.scan_history(keys=["loss"], page_size=30)])
answer("scan-all", lambda: [[row["_step"], row["grad"]] for row in run.scan_history(min_step=97)])
answer("files", lambda: sorted(file.name for file in run.files()))
answer("download", lambda: run.file("kept.txt").download(root="got").read())
answer("runs", lambda: [[r.id for r in api.runs(f"ada/{PROJECT}", filters={"config.lr": lr})] for lr in (0.1, 7)])
answer("projects", lambda: [p.name for p in api.projects("ada") if p.name == PROJECT])
answer("edit", edit)
answer("resume", train_on)
answer("offline", lambda: [train_offline(), api.run(f"ada/{PROJECT}/offline").summary["loss"]])
answer("delete", lambda: api.run(f"ada/{PROJECT}/offline").delete())
answer("left", lambda: [r.id for r in wandb.Api().runs(f"ada/{PROJECT}")])
answer("artifact", log_and_use)
answer("artifact-edit", edit_artifact)
answer("sweep", sweep)
