"""What the cells of a notebook print, with the real kernel."""

import os
import sys

import pytest

import runlake

CELLS = (
    "import runlake; run = runlake.init(id='r', project='p'); print('first')",
    "print('second'); import sys; print('to stderr', file=sys.stderr)",
    "print('third'); run.log({'a': 1})",
    "print('fourth', end=''); print(); run.finish()",
    "print('after the end')",
)


@pytest.mark.skipif(sys.platform == "win32", reason="the kernel's sockets are those of POSIX here")
def test_the_prints_of_every_cell_are_kept_once(home, stored, monkeypatch):
    manager = pytest.importorskip("jupyter_client.manager")
    monkeypatch.setenv("RUNLAKE_CONSOLE", "auto")
    source = os.path.dirname(os.path.dirname(runlake.__file__))  # noqa: PTH120
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])))
    (home / "home").mkdir()
    printed = []

    def hear(message):
        if message["header"]["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    kernel, client = manager.start_new_kernel(startup_timeout=120)
    try:
        for cell in CELLS:
            reply = client.execute_interactive(cell, output_hook=hear, timeout=120)
            assert reply["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel()
    lines = [row["text"] for row in stored.rows(stream="console")]
    assert lines == ["first", "second", "to stderr", "third", "fourth"]
    assert sorted("".join(printed).split("\n")) == sorted([*lines, "after the end", ""])
