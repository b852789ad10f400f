"""What lies in deploy/ starts the server that there is."""

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from runlake.cli.app import app
from runlake.server.config import ServerConfig

DEPLOY = Path(__file__).parent.parent / "deploy"


def command_lines():
    """Each `runlake serve` of the folder as its words."""
    unit = (DEPLOY / "runlake.service").read_text("utf-8")
    yield re.search(r"^ExecStart=\S+/runlake (serve .*)$", unit, re.MULTILINE)[1].split()
    yield json.loads(
        re.search(r"^CMD (\[\"serve.*\])$", (DEPLOY / "Containerfile").read_text("utf-8"), re.MULTILINE)[1]
    )
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    yield compose["services"]["runlake"]["command"]


@pytest.mark.parametrize("words", list(command_lines()), ids=["unit", "container", "compose"])
def test_every_option_is_one_that_serve_has(words):
    known = {spelling for parameter in get_command(app).commands["serve"].params for spelling in parameter.opts}
    assert words[0] == "serve"
    assert {word for word in words if word.startswith("--")} <= known


def test_the_server_is_given_more_time_to_end_than_it_takes():
    drain_s = ServerConfig(root="", default_entity="ann").drain_s
    unit = (DEPLOY / "runlake.service").read_text("utf-8")
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1]) > drain_s
    assert int(compose["services"]["runlake"]["stop_grace_period"].rstrip("s")) > drain_s


def test_the_image_is_made_of_files_that_are_there():
    copied = re.findall(r"^COPY (.*) \S+$", (DEPLOY / "Containerfile").read_text("utf-8"), re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert [name for name in names if not (DEPLOY.parent / name).exists()] == []
