"""A run about which everything was said that a journal can say, and everybody who reads a project with it."""

import json
from pathlib import Path

from runlake.model import RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.folder import journal_of
from runlake.store.opening.open import open_run
from runlake.values import Json

PROJECT = ("bob", "own")


def write_story(root, run_id, *, ended=True):
    """Write the run into a store; answers its (header, the bytes of its one part)."""
    layout, path = FolderStore(Path(root)), RunPath(*PROJECT, run_id)
    start = {
        "set": {"lr": 0.1, "net.depth": 3},
        "name": "bright-star-1",
        "tags": ["a", "b"],
        "notes": "n",
        "group": "g",
    }
    writer = open_run(layout, path, start).writer
    for step in range(6):
        row = {"loss": 1.0 / (step + 1), "n": step, "ok": step % 2 == 0}
        if step % 3 == 2:
            row |= {"note": "text", "image": Json('{"_type":"image-file","path":"media/a.png"}')}
        writer.log(row, step=step, timestamp=1e9 + step, runtime=float(step))
    writer.log({"cpu": 5.0}, stream="events", step=0, timestamp=1e9, runtime=0.0)
    writer.log({"line": 0, "text": "hello"}, stream="console", step=0, timestamp=1e9, runtime=0.0)
    writer.record(record.CONFIG, {"set": {"lr": 0.2}, "unset": ["net.depth"]})
    writer.record(record.SUMMARY, {"set": {"best": 0.25}})
    writer.record(record.DEFINE, {"rule": {"name": "loss", "summary": ["min"], "goal": "minimize"}})
    writer.record(record.INFO, {"notes": "later", "tags": ["c"]})
    writer.record(record.STATE, {"stop": True})
    writer.record(record.ALERT, {"title": "t", "text": "x", "level": "INFO", "timestamp": 1e9})
    if ended:
        writer.end({"exit_code": 0})
    writer.close()
    journal = journal_of(layout, path)
    (name, _), *more = journal.list_parts()
    assert not more
    return {**writer.header.body, "writer": name.writer}, journal.read(name)


FIELDS = """name displayName state config summaryMetrics tags notes group createdAt heartbeatAt historyLineCount
historyKeys fileCount systemMetrics user { username } """
LISTING = """query($r: String!, $s: [JSONString!]!) { project(entityName: "bob", name: "own") {
  runs(first: 100) { edges { node { FIELDS } } }
  run(name: $r) { FIELDS history(minStep: 0, maxStep: 100) events sampledHistory(specs: $s)
    logLines(first: 50) { edges { node { line } } } files { edges { node { name } } } } } }""".replace("FIELDS", FIELDS)
SAMPLES = ['{"keys": ["loss"], "samples": 50}', '{"keys": ["n", "note"]}']


def readers(run_id):
    """(method, path, options) of everything that reads the project, and that run of it."""
    project, run = "/api/v1/projects/bob/own", f"/api/v1/runs/bob/own/{run_id}"
    yield "GET", f"{project}/runs", {}
    yield (
        "GET",
        f"{project}/runs",
        {"params": {"order": "-summary.loss", "filters": json.dumps({"config.lr": {"$gt": 0}})}},
    )
    yield "POST", f"{project}/runs/table", {"json": {}}
    yield "POST", f"{project}/histories", {"json": {"keys": ["loss", "n"]}}
    for path in ("", "/history", "/history?format=table", "/history?stream=events", "/sample?keys=loss", "/keys"):
        yield "GET", run + path, {}
    for path in ("/outline", "/console", "/generations", "/files"):
        yield "GET", run + path, {}
    yield "POST", f"{run}/tail", {"json": {}}
    yield "POST", "/graphql", {"json": {"query": LISTING, "variables": {"r": run_id, "s": SAMPLES}}}
