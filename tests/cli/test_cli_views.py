"""Saved views from the command line."""

import json
import os
from pathlib import Path

import pytest

from runlake.service.local.service import LocalService
from runlake.view_model import ViewPath, ViewPut

REPORT = ViewPath("ann", "mnist", "report1")


@pytest.fixture
def made(an_empty_home):
    service = LocalService(Path(os.environ["RUNLAKE_DIR"]), default_entity="ann", user="ann")
    made = service.put_view(REPORT, ViewPut(type="runs", name="x", display_name="Größe", spec='{"a": 1}', user="ann"))
    service.put_view(REPORT._replace(project="other"), ViewPut(type="project-view", name="y"))
    return made


def test_views_are_listed_of_a_project_and_of_all(runlake, made):
    listed = runlake("ls", "ann/mnist", "--views")
    assert listed.out.splitlines()[0].split() == ["VIEW", "NAME", "TYPE", "USER", "UPDATED"]
    assert listed.out.splitlines()[1].split()[:4] == ["report1", "Größe", "runs", "ann"]
    assert "ann/other/views/report1" in runlake("ls", "--views").out
    told = json.loads(runlake("ls", "ann/mnist", "--views", "--json").out)
    view = {
        "entity": "ann",
        "project": "mnist",
        "view_id": "report1",
        "type": "runs",
        "name": "x",
        "display_name": "Größe",
        "description": None,
        "user": "ann",
        "created_at": made.created_at,
        "updated_at": made.updated_at,
    }
    assert told == {"total_count": 1, "views": [view]}
    assert json.loads(runlake("show", "ann/mnist/views/report1", "--json").out) == {**view, "spec": '{"a": 1}'}


def test_a_view_is_shown_on_a_page_and_its_text_as_json_only(runlake, made):
    shown = runlake("show", "ann/mnist/views/report1")
    assert shown.out.splitlines()[0] == "ann/mnist/views/report1  runs"
    assert [line.split()[:3] for line in shown.out.splitlines()[1:3]] == [["name", "x"], ["display", "name", "Größe"]]
    assert "8 B; --json prints it" in shown.out


def test_what_does_not_go_together_is_refused(runlake, made):
    assert "--sweeps and --views are 2 lists" in runlake("ls", "--sweeps", "--views").err
    assert "leave --views out" in runlake("ls", "mnist", "--views", "--filter", "{}", "--order", "name").err
    assert "is a saved view" in runlake("show", "ann/mnist/views/report1", "--keys", "a").err
    assert "no view 'gone1'" in runlake("show", "ann/mnist/views/gone1").err
