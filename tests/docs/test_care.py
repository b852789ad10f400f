"""The commands of the page about care do what it says."""

import re

import pytest
from pages import make_desk, run_command, run_python, texts

PAGE = "docs/guide/care.md"
A_RUN_THAT_DIES = """
import os
import runlake

run = runlake.init(project="p", id="r", settings={"silent": True, "disable_system": True, "console": "off"})
for i in range(20):
    run.log({"i": i})
os._exit(0)
"""
READ = """
import runlake

print([row["i"] for row in runlake.Api().run("p/r").scan_history()])
"""


@pytest.mark.long
def test_every_command_of_the_page_works_on_a_store_with_a_crashed_run(tmp_path):
    desk = make_desk(tmp_path)
    run_python(A_RUN_THAT_DIES, desk)
    commands = re.findall(r"^\$ (runlake .*)$", "\n".join(texts(PAGE, "console")), re.MULTILINE)
    printed = {command: run_command(command, desk) for command in commands}
    assert printed["runlake check"] == "read 1 run: all is well\n"
    assert "would mend 1 thing" in printed["runlake repair --dry-run"]
    assert "mended 1 thing" in printed["runlake repair --yes"]
    assert "repair-" in printed["runlake trash"]
    assert printed["runlake gc --older-than 30d --yes"] == "nothing to remove\n"
    assert run_python(READ, desk) == f"{list(range(20))}\n"
