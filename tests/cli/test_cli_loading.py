"""What the command loads: starting it takes longer than most of what it does."""

import json
import subprocess
import sys

import pytest

from runlake.api.api import Api
from runlake.cli.app import GROUPS, VERBS, app_for, app_of

RUN_AND_TELL = """
import json, sys
from runlake.cli.main import main
sys.argv = ["runlake", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
heavy = {"pandas", "polars", "pyarrow.parquet", "http.client", "urllib.request", "asyncio", "starlette"}
print(json.dumps(sorted(heavy & sys.modules.keys())), file=sys.stderr)
"""


@pytest.fixture
def loaded(make_run):
    """Which of the heavy packages a command line loads, in a store with one sealed run and one in the journal."""
    rows = [{"loss": 1 / (step + 1), "note": "text"} for step in range(20)]
    make_run("ann/digits/sealed", rows=rows, summary={"best": 1}, config={"lr": 0.1})
    list(Api()._service.seal("ann", "digits"))
    make_run("ann/digits/fresh", rows=rows)

    def find(*arguments):
        command = [sys.executable, "-c", RUN_AND_TELL, json.dumps(arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout
        return json.loads(done.stderr.splitlines()[-1])

    return find


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["ls"], ["ls", "digits"], ["ls", "digits", "--json"]])
def test_a_listing_loads_neither_pandas_nor_parquet(loaded, arguments):
    assert loaded(*arguments) == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["show", "digits/sealed"], ["show", "digits/fresh"], ["tail", "digits/sealed"]])
def test_a_run_is_shown_without_pandas(loaded, arguments):
    assert loaded(*arguments) == ["pyarrow.parquet"]


def verbs_of(app):
    return [each.name for each in [*app.registered_commands, *app.registered_groups]]


@pytest.mark.parametrize(
    "arguments", [["--dir", "ls", "show", "--help"], ["show", "--help"], ["--dir=ls", "show", "-h"]]
)
def test_the_verb_is_found_behind_the_options_before_it(runlake, arguments):
    assert verbs_of(app_for(arguments)) == ["show"]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["shwo"], ["--dir", "show"], ["--dir"]])
def test_where_no_verb_is_named_all_are_there(arguments):
    assert verbs_of(app_for(arguments)) == verbs_of(app_of()) == [*VERBS, *GROUPS]


def test_no_other_verb_is_loaded_than_the_one_that_is_asked_for():
    code = "import sys; from runlake.cli.app import app_for; app_for(['ls']); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    files = {place.partition(":")[0] for place in [*VERBS.values(), *GROUPS.values()]}
    assert [file for file in files if f"runlake.cli.{file}" in done.stdout.split()] == ["ls"]
