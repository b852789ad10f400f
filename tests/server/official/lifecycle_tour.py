"""The lives that the official client gives to runs: begun anew, gone on with, rewound, forked, shared, sent later."""

import os
import subprocess
import sys
import time
from pathlib import Path

import wandb
from answering import answer

PROJECT = {"entity": "ada", "project": "lives"}


def train(rows, **options):
    with wandb.init(**PROJECT, **options) as run:
        for row in rows:
            run.log(row)
        return [run.resumed, run.starting_step]


def losses(*values):
    return [{"loss": value} for value in values]


def refused(**options):
    try:
        train([], **options)
    except Exception as error:
        return type(error).__name__
    return None


def offline():
    with wandb.init(**PROJECT, id="offline", mode="offline", config={"lr": 0.3}) as run:
        for value in (3, 2, 1):
            run.log({"loss": value})
        folder = Path(run.dir).parent
    program = Path(sys.executable).with_name("wandb")
    return [run_command(program, "sync", "--include-synced", folder)[0] for _ in range(2)]


def fragments():
    folders = []
    for value, resume in ((3, None), (2, "allow"), (1, "must")):
        with wandb.init(**PROJECT, id="parts", mode="offline", resume=resume, config={f"part{value}": value}) as run:
            run.log({"loss": value})
            folders.append(Path(run.dir).parent)
    return run_command(Path(sys.executable).with_name("wandb"), "beta", "sync", "--id", "joined", *folders)


def run_command(*command, **options):
    """A process that has nothing of this one: each has a side process of the client of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, **options)
    return [done.returncode, done.stderr[-300:] if done.returncode else ""]


def shared():
    settings = wandb.Settings(mode="shared", x_label="first", x_primary=True)
    first = wandb.init(**PROJECT, id="shared", settings=settings)
    here = Path(__file__).parent
    second = run_command(sys.executable, "-c", "import shared_part; shared_part.take_part()", cwd=here)
    for step in range(3):
        first.log({"by_first": step})
    first.finish()
    return second


def alerts():
    with wandb.init(**PROJECT, id="alerts", settings=wandb.Settings(x_file_stream_no_gzip=False)) as run:
        for _ in range(2):
            run.alert(title="low", text="the accuracy is low", level=wandb.AlertLevel.WARN, wait_duration=300)
        run.alert(title="other", text="something else")
        run.mark_preempting()
        run.log({"loss": 1})
        time.sleep(0.1)
    return True


def files():
    with wandb.init(**PROJECT, id="files") as run:
        for policy in ("now", "end", "live"):
            Path(f"{policy}.txt").write_text("early")
            run.save(f"{policy}.txt", policy=policy)
        time.sleep(1)
        for policy in ("end", "live"):
            Path(f"{policy}.txt").write_text("late, and longer")
        run.log({"html": wandb.Html("<b>bold</b>"), "spread": wandb.Histogram([1, 2, 2])})
    return True


def plotted(name, **options):
    table = wandb.Table(columns=["x", "y"], data=[[1, 2]])
    with wandb.init(**PROJECT, id="plotted", **options) as run:
        run.log({name: wandb.plot.line(table, "x", "y", title=name)})
    hidden = wandb.Api().run("ada/lives/plotted").rawconfig["_wandb"]
    return sorted(hidden["visualize"])


answer("fresh", lambda: train(losses(9, 8, 7), id="again", config={"lr": 0.1}))
answer("fresh-again", lambda: train(losses(5, 4), id="again", config={"lr": 0.2}))
answer("allow", lambda: train(losses(3), id="again", resume="allow", config={"more": 1}))
answer("allow-new", lambda: train(losses(1), id="allowed", resume="allow"))
answer("must", lambda: train(losses(2), id="again", resume="must"))
answer("must-missing", lambda: refused(id="missing", resume="must"))
answer("never", lambda: refused(id="again", resume="never"))
answer("plotted", lambda: [plotted("first"), plotted("second", resume="must"), plotted("third")])
answer("rewind", lambda: [train(losses(6, 5, 4, 3), id="rewound"), train(losses(1), resume_from="rewound?_step=1")])
answer("fork", lambda: train(losses(0.5), id="forked", fork_from="rewound?_step=1"))
answer("offline", offline)
answer("fragments", fragments)
answer("shared", shared)
answer("alerts", alerts)
answer("files", files)
