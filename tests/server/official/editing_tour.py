"""What `wandb.Api()` changes: each step answers with what a second client then reads."""

import math
from pathlib import Path

import wandb
from answering import answer

PROJECT = "ada/edited"
api = wandb.Api()


def fresh(run_id="r1"):
    """The run as another client finds it."""
    return wandb.Api().run(f"{PROJECT}/{run_id}")


with wandb.init(entity="ada", project="edited", id="r1", config={"lr": 0.1, "net": {"depth": 2}, "whole": 2.0}) as made:
    made.log({"loss": 0.5, "nan": math.nan, "whole": 3.0, "nested": {"x": 1}})

run = api.run(f"{PROJECT}/r1")


def edit_config():
    run.config["lr"] = 0.2
    run.config["new"] = [1, {"x": None}]
    run.config["net"]["width"] = 3
    del run.config["whole"]
    run.update()
    return fresh().config


def edit_summary():
    run.summary["loss"] = 0.25
    run.summary["nested"]["y"] = 2
    run.summary["spread"] = wandb.Histogram([1, 2, 3], num_bins=2)
    run.summary.update({"best": {"epoch": 3}})
    found = fresh().summary._json_dict
    return {key: found[key] for key in found if not key.startswith("_")}


def two_clients():
    """Both have read the same, and each changes something of its own."""
    one, other = fresh(), fresh()
    before = [one.config["lr"], other.config["lr"], one.summary["loss"], other.summary["loss"]]
    one.config["by"] = "one"
    one.summary["by_one"] = 1
    one.update()
    other.config["lr"] = 0.4
    other.summary["by_other"] = 2
    other.update()
    found = fresh()
    summary = {key: found.summary[key] for key in ("by_one", "by_other", "loss")}
    return [before, found.config["by"], found.config["lr"], summary]


def rename():
    run.name = "renamed"
    run.tags = ["x", "größe"]
    run.notes = "some\nnotes"
    run.description = "a description"
    run.group = "g"
    run.save()
    found = fresh()
    return [found.name, found.tags, found.notes, found.group, found.description]


def untag():
    run.tags.remove("x")
    run.update()
    return fresh().tags


def text_of(downloaded):
    downloaded.close()
    return Path(downloaded.name).read_text()


def upload():
    Path("result.txt").write_text("first")
    made = run.upload_file("result.txt")
    found = [made.name, made.size, text_of(fresh().file("result.txt").download(root="got"))]
    Path("result.txt").write_text("second")
    run.upload_file("result.txt")
    return [*found, text_of(fresh().file("result.txt").download(root="got", replace=True))]


def delete_file():
    fresh().file("result.txt").delete()
    return [file.name for file in fresh().files(["result.txt"])]


def create():
    made = api.create_run(run_id="made", project="edited", entity="ada")
    found = fresh("made")
    return [made.id, made.path, found.state, found.name]


def fail():
    found = fresh("made")
    return [found.update_state("failed"), found.state, fresh("made").state]


def requeue():
    return [fresh("made").update_state("pending"), fresh("made").state]


def forbidden_state():
    return fresh("made").update_state("finished")


def delete():
    fresh("made").delete()
    return "made" in [found.id for found in wandb.Api().runs(PROJECT)]


def delete_twice():
    gone = api.create_run(run_id="gone", project="edited", entity="ada")
    gone.delete()
    gone.delete()
    return "gone" in [found.id for found in wandb.Api().runs(PROJECT)]


def create_project():
    api.create_project("brand-new", "ada")
    api.create_project("brand-new", "ada")
    return [project.name for project in api.projects("ada") if project.name == "brand-new"]


def upload_elsewhere():
    api.create_project("theirs", "nobody-known")


for step in (edit_config, edit_summary, two_clients, rename, untag, upload, delete_file):
    answer(step.__name__, step)
for step in (create, fail, requeue, forbidden_state, delete, delete_twice, create_project):
    answer(step.__name__, step)
answer("history_untouched", lambda: [{k: row[k] for k in row if k[0] != "_"} for row in fresh().scan_history()])
