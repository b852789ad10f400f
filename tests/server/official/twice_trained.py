"""One training program, run with the official client before a server and with `runlake exec` without one.

``python twice_trained.py WAY``: "ends" makes the runs that end well, the others one run that ends in that way.
"""

import math
import sys
import time
from pathlib import Path

import wandb

PROJECT = "twice"


def begin(run_id, **more):
    return wandb.init(entity="ada", project=PROJECT, id=run_id, **more)


def values():
    """Everything that may be logged."""
    config = {
        "lr": 0.1,
        "layers": 4,
        "big": 2**53 + 1,
        "flag": True,
        "none": None,
        "text": "größer ≥ 🦜",
        "list": [1, 2.5, "three", None],
        "pair": (3, 4),
        "net": {"head": {"dropout": 0.5}, "kernel": [3, 3]},
        "a.b": 1,
        "_seed": 7,
        "infinite": math.inf,
    }
    about = {"name": "all-values", "notes": "first\nsecond", "group": "g", "job_type": "train"}
    run = begin("values", config=config, tags=["t1", "größe"], **about)
    run.log({"int": 1, "float": 0.1, "whole": 2.0, "bool": True, "text": "eins", "none": None})
    run.log({"nan": math.nan, "inf": math.inf, "minus": -math.inf})
    run.log({"big": 2**53 + 1, "bigger": 2**62, "negative": -(2**40), "tiny": 5e-324, "huge": 1.7e308})
    run.log({"nested": {"x": 1, "y": {"z": 2.5}}, "a.b": 3, "a": {"c": 4}})
    run.log({"list": [1, 2.5, "x", None], "lists": [[1, 2], [3]], "dicts": [{"k": 1}]})
    run.log({"größe": 1.5, "🦜": "parrot", "with space": 1, "with/slash": 2, 'quote"d': 3, "line\nbreak": "a\nb"})
    run.log({"int": "now a text"})
    run.log({"int": 2.5})
    run.log({})
    run.log({"last": 1})
    run.config.update({"lr": 0.2, "later": {"x": 1}}, allow_val_change=True)
    run.config["item"] = 5
    run.tags += ("added",)
    run.notes = "third"
    run.summary["edited"] = {"x": 1}
    run.summary.update({"best": 0.75, "float": -1})
    run.finish()


def steps():
    """Where rows begin and end."""
    run = begin("steps", name="stepped")
    run.log({"a": 1}, commit=False)
    run.log({"b": 2})
    run.log({"a": 2}, step=5)
    run.log({"a": 3, "c": 1}, step=5)
    run.log({"a": 4}, step=9)
    run.log({"a": 5})
    run.log({"a": 6}, commit=False)
    run.log({"a": 7}, commit=False)
    run.log({"b": 8}, step=20, commit=True)
    run.log({"a": 9}, commit=False)
    run.finish()


def back():
    """A step that goes back."""
    run = begin("back", name="went back")
    run.log({"a": 1}, step=5, commit=True)
    run.log({"a": 2}, step=3)
    run.log({"a": 3})
    run.finish()


def metrics():
    """Every aggregate, on plain and nested names and by glob, and steps of one's own."""
    run = begin("metrics", name="defined")
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch")
    for name in ("min", "max", "mean", "first", "last", "none", "copy"):
        run.define_metric(f"only_{name}", summary=name)
    run.define_metric("several", summary="min,max,mean")
    run.define_metric("by_glob_*", summary="max")
    for n, value in enumerate([3, 1, 4, 1, 5]):
        only = {f"only_{name}": value for name in ("min", "max", "mean", "first", "last", "none", "copy")}
        run.log({**only, "several": value, "by_glob_x": value, "free": value})
        run.log({"epoch": n, "val/loss": value / 2})
    run.finish()


def files():
    """What is kept as files, and what is printed."""
    run = begin("files", name="kept")
    folder = Path("out")
    folder.mkdir()
    (folder / "model.bin").write_bytes(bytes(range(256)))
    (folder / "empty.txt").write_bytes(b"")
    (folder / "späte datei.txt").write_text("früh", encoding="utf-8")
    run.save("out/model.bin")
    run.save("out/empty.txt", policy="now")
    run.save(str(folder / "späte datei.txt"), policy="end")
    run.save("out/missing.txt")
    run.save("out/model.bin", base_path="out")
    (folder / "späte datei.txt").write_text("spät", encoding="utf-8")
    print("one line")
    print("two", "parts", sep="\n")
    for percent in (10, 50, 100):
        sys.stdout.write(f"\rprogress {percent} %")
        sys.stdout.flush()
    print()
    print("to stderr", file=sys.stderr)
    print("größer ≥ 🦜")
    run.finish()


def media():
    """Small media in rows."""
    run = begin("media", name="seen")
    run.log({"page": wandb.Html("<b>bold</b>", inject=False), "histogram": wandb.Histogram([1, 2, 2, 3], num_bins=4)})
    run.log({"made": wandb.Histogram(np_histogram=([1, 2], [0.0, 1.0, 2.0]))})
    run.summary["spread"] = wandb.Histogram(np_histogram=([1, 2], [0.0, 1.0, 2.0]))
    run.finish()


def quick():
    """Finished by leaving the block, with an exit code of its own."""
    with begin("block") as run:
        run.log({"a": 1})
    run = begin("code")
    run.log({"a": 1})
    run.finish(exit_code=3)


def main(way):
    if way == "ends":
        for part in (values, steps, back, metrics, files, media, quick):
            part()
        return
    run = begin(way)
    run.log({"a": 1})
    if way == "raises":
        raise ValueError("training went wrong")
    if way == "exits":
        sys.exit(7)
    if way == "exits-well":
        sys.exit(0)
    if way == "interrupted":
        print("waiting", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1])
