"""What the official client sends and the server does not keep, in runs that go on until their user was told of it."""

import io
import sys
import time
from pathlib import Path

import wandb


class Heard(io.TextIOBase):
    """What goes to the terminal, and is kept."""

    def __init__(self, terminal):
        self.terminal, self.text = terminal, ""

    def write(self, text):
        self.text += text
        return self.terminal.write(text)

    def flush(self):
        self.terminal.flush()

    def isatty(self):
        return self.terminal.isatty()


def log_artifacts(run):
    Path("model.bin").write_bytes(b"weights")
    for name in ("weights", "weights", "checkpoint"):
        artifact = wandb.Artifact(name, "model")
        artifact.add_file("model.bin")
        run.log_artifact(artifact)


def log_tables(run):
    run.log({"plain": wandb.Table(columns=["i", "text"], data=[[1, "Html"], [2, "Image"]])})
    for _ in range(2):
        run.log({"shown": wandb.Table(columns=["page"], data=[[wandb.Html("<b>a</b>")], [wandb.Html("<b>b</b>")]])})
    limit, wandb.Table.MAX_ROWS = wandb.Table.MAX_ROWS, 20_000
    run.log({"whole": wandb.Table(columns=["i"], data=[[i] for i in range(10_003)])})
    wandb.Table.MAX_ROWS = limit


def log_until_told(run, heard, *things):
    """A table that is too long, again and again: where its file was slower than its row, only the next one is seen."""
    deadline_s = time.monotonic() + 240
    while not all(f"not kept: {thing}." in heard.text for thing in things):
        assert time.monotonic() < deadline_s, heard.text
        run.log({"of": {"many": wandb.Table(columns=["i"], data=[[i] for i in range(10_002)])}})
        time.sleep(2)


def wait_until_heard(heard, words):
    """The client prints what it was told when it next looks, every five seconds."""
    deadline_s = time.monotonic() + 240
    while words not in heard.text:
        assert time.monotonic() < deadline_s, heard.text
        time.sleep(0.1)


heard = sys.stderr = Heard(sys.stderr)
project, run_id, deed = sys.argv[1:]
settings = wandb.Settings(x_file_stream_transmit_interval=1)
with wandb.init(entity="ada", project=project, id=run_id, settings=settings) as run:
    run.log({"loss": 0.5})
    if deed == "waits":
        log_artifacts(run)
        log_tables(run)
        log_until_told(
            run,
            heard,
            "artifact weights",
            "artifact checkpoint",
            "media in the table shown",
            "rows past 10,000 of the table of.many",
        )
    elif deed == "ends":
        log_artifacts(run)
    elif deed == "hears":
        wait_until_heard(heard, "not kept of the run")
