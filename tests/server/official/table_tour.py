"""Tables with media and with many rows, as the official client logs them and reads them back."""

import sys

import wandb
from answering import answer

PROJECT = sys.argv[1] if len(sys.argv) > 1 else "tables"


def page(text):
    return wandb.Html(text, inject=False)


with wandb.init(entity="ada", project=PROJECT, id="logger") as run:
    run.log({"shown": wandb.Table(columns=["i", "page"], data=[[i, page(f"<b>{i}</b>")] for i in range(3)])})
    run.log({"of": {"many": wandb.Table(columns=["i"], data=[[i] for i in range(12_000)])}})
    added = wandb.Artifact("with-table", "dataset")
    table = wandb.Table(columns=["i", "page"], data=[[1, page("<i>one</i>")]])
    added.add(table, "table")
    run.log_artifact(added).wait()
    other = wandb.Artifact("with-the-same-table", "dataset")
    other.add_reference(added.get_entry("table.table.json").ref_url(), "of-another.table.json")
    run.log_artifact(other).wait()


def read(name, key):
    return wandb.Api().artifact(f"ada/{PROJECT}/{name}").get(key)


def rows(table):
    """What a table holds, of pages their text."""
    return [[cell if isinstance(cell, int) else cell.html for cell in row] for row in table.data]


def of_many():
    found = read("run-logger-many:latest", "many")
    return [len(found.data), found.data[-1][0]]


def of_shown():
    found = read("run-logger-shown:latest", "shown")
    return [found.columns, rows(found)]


answer("shown", of_shown)
answer("many", of_many)
answer("added", lambda: rows(read("with-table:latest", "table")))
answer("of-another", lambda: rows(read("with-the-same-table:latest", "of-another")))
