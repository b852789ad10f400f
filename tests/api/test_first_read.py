"""What a process loads to read its first key: the rooms that a local run is in, and no package but those of arrays."""

import json
import subprocess
import sys

import pytest

from runlake.api.api import Api

READ = """
import json, sys
import runlake
rows = {read}
ours = [name for name in sys.modules if name.startswith("runlake.")]
rooms = {{name.rpartition(".")[0] for name in ours}}
others = {{"pandas", "polars", "duckdb", "http.client", "urllib.request", "asyncio", "email", "typer", "rich"}}
print(json.dumps([len(rows), sorted(rooms), sorted(others & sys.modules.keys())]))
"""
ROOMS_OF_A_RUN = [
    "runlake",
    "runlake.api",
    "runlake.query",
    "runlake.query.rows",
    "runlake.service",
    "runlake.service.local",
    "runlake.settings",
    "runlake.store",
    "runlake.store.journal",
    "runlake.store.run",
    "runlake.store.segment",
]


@pytest.mark.parametrize(
    "read",
    [
        "runlake.Api().run('digits/r1').history(keys=['loss'], pandas=False)",
        "list(runlake.Api().run('digits/r1').scan_history(keys=['loss']))",
        "runlake.Api().run('digits/r1').to_arrow(keys=['loss', 'note'])",
    ],
)
@pytest.mark.parametrize("is_sealed", [False, True], ids=["in the journal", "sealed"])
def test_one_key_of_a_run_loads_nothing_that_lists_writes_searches_or_speaks_http(make_run, read, is_sealed):
    make_run(rows=[{"loss": 1 / (step + 1), "note": f"row {step}", "is_odd": step % 2 == 1} for step in range(20)])
    if is_sealed:
        list(Api()._service.seal("ann", "digits"))
    done = subprocess.run([sys.executable, "-c", READ.format(read=read)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [20, ROOMS_OF_A_RUN, []]
