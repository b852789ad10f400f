"""An import that is killed at any step of the disk, the very first ones among them, is done by the next one."""

import json
import os
import subprocess
import sys

import pytest

# Each step has a process that is killed there, forked where nothing else runs.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from runlake.importers.bring import bring
from runlake.service.local.service import LocalService
from runlake.store import disk
from test_bring import PATH, all_kept, foreign

def import_into(home):
    service = LocalService(home, default_entity="ann")
    return bring(service, PATH, foreign(), batch_rows=10), service

def is_killed(home, number):
    steps = []
    def watcher(step, place):
        steps.append(step)
        if len(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)
    pid = os.fork()
    if pid:
        return os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    with disk.watched(watcher):
        import_into(home)
    os._exit(0)

import_into(Path(sys.argv[1], "calm"))
number = 1
while is_killed(home := Path(sys.argv[1], str(number)), number):
    done, service = import_into(home)
    print(json.dumps([number, done.is_whole, all_kept(service)]))
    number += 1
print(json.dumps([None, True, all_kept(import_into(Path(sys.argv[1], "calm"))[1])]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_an_import_that_is_killed_at_any_step_is_done_by_the_next_one(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "RUNLAKE_SEAL": "off"}
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    *killed, calm = map(json.loads, done.stdout.splitlines())
    assert len(killed) > 20
    assert [(number, is_whole) for number, is_whole, kept in killed if not is_whole or kept != calm[2]] == []
