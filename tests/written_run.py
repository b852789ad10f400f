"""A run at fixed times, written as a training process writes it."""

from runlake.model import RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.noting import append_change
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.values import flatten
from stored import START_S


def write_run(
    root,
    path,
    *,
    rows=(),
    steps=None,
    events=(),
    console=(),
    config=None,
    summary=None,
    alerts=(),
    files=None,
    exit_code=0,
    at_s=0.0,
    ended=True,
    **info,
):
    """Row i at step i (or `steps[i]`), a second later than the one before; answers its writer."""
    layout, path, now_s = FolderStore(root), RunPath(*path.split("/")), START_S + at_s
    start = {"set": flatten(config or {}, stringify_keys=True), **info}
    writer = open_run(layout, path, start, clock=lambda: now_s, inspector=IN_PROCESS).writer
    for stream, logged in {"history": rows, "events": events, "console": console}.items():
        for number, data in enumerate(logged):
            step = steps[number] if steps and stream == "history" else number
            second = float(number + 1)
            writer.log(data, stream=stream, step=step, timestamp=now_s + second, runtime=second)
    if summary:
        writer.record(record.SUMMARY, {"set": flatten(summary)})
    for alert in alerts:
        writer.record(record.ALERT, alert)
    for name, content in (files or {}).items():
        target = layout.file_path(path, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if ended:
        writer.end({"exit_code": exit_code, "runtime": float(len(rows))})
        append_change(layout, path, writer.writer, "finish", writer.writer)
    return writer
