"""A store of runs at fixed times, written as a training process writes them, and the Api over it."""

import pytest

from quiet import make_home
from runlake.api.api import Api
from runlake.model import RunPath
from runlake.store.changes import append_change
from runlake.store.journal import record
from runlake.store.layout import Layout
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.values import flatten

START_S = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""


@pytest.fixture(autouse=True)
def an_empty_home(monkeypatch, tmp_path):
    """Nothing of the machine's: no settings, no stores, the user ann, an empty folder to work in."""
    make_home(monkeypatch, tmp_path)


@pytest.fixture
def api():
    with Api() as api:
        yield api


@pytest.fixture
def make_run(tmp_path):
    """Writes a run: row i at step i (or `steps[i]`), a second later than the one before; answers its path."""
    layout = Layout(tmp_path / "store")

    def make(
        path="ann/digits/r1",
        *,
        rows=(),
        steps=None,
        events=(),
        console=(),
        config=None,
        summary=None,
        files=None,
        exit_code=0,
        at_s=0.0,
        ended=True,
        **info,
    ):
        place, now_s = RunPath(*path.split("/")), START_S + at_s
        start = {"set": flatten(config or {}, stringify_keys=True), **info}
        writer = open_run(layout, place, start, clock=lambda: now_s, inspector=IN_PROCESS).writer
        for stream, logged in {"history": rows, "events": events, "console": console}.items():
            for number, data in enumerate(logged):
                step = steps[number] if steps and stream == "history" else number
                second = float(number + 1)
                writer.log(data, stream=stream, step=step, timestamp=now_s + second, runtime=second)
        if summary:
            writer.record(record.SUMMARY, {"set": flatten(summary)})
        for name, content in (files or {}).items():
            target = layout.file_path(place, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if ended:
            writer.end({"exit_code": exit_code, "runtime": float(len(rows))})
            append_change(layout, place, writer.writer, "finish", writer.writer)
        return path if ended else writer

    return make
