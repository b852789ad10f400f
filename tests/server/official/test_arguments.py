"""What the official client's calls take, ours take too, in the same places."""

import inspect
import json
import subprocess

import pytest
from seat import find_python

import runlake

ASK = """
import inspect, json, wandb
parameters = inspect.signature(wandb.{name}).parameters
print(json.dumps([[name, str(parameter.kind)] for name, parameter in parameters.items()]))
"""


@pytest.mark.parametrize("name", ["init", "sweep", "agent"])
def test_every_argument_is_taken_in_its_place(name):
    done = subprocess.run([find_python(), "-c", ASK.format(name=name)], capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    ours = [[n, str(p.kind)] for n, p in inspect.signature(getattr(runlake, name)).parameters.items()]
    assert ours[: len(theirs)] == theirs
