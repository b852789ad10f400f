"""Every form in which people write paths."""

import pytest

from runlake.api.paths import parse_project_path, parse_run_path, web_address
from runlake.errors import PathError
from runlake.model import RunPath


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r1", "ann/digits/r1"),
        ("p/r1", "ann/p/r1"),
        ("e/p/r1", "e/p/r1"),
        ("/e/p/r1", "e/p/r1"),
        (" e/p/r1 ", "e/p/r1"),
        ("e/p/runs/r1", "e/p/r1"),
        ("/e/p/runs/r1", "e/p/r1"),
        ("e/p:r1", "e/p/r1"),
        ("p:r1", "ann/p/r1"),
        ("e/p/with:colon", "e/p/with:colon"),
        ("https://wandb.ai/e/p/runs/r1", "e/p/r1"),
        ("https://wandb.ai/e/p/runs/r1/overview?nw=x#y", "e/p/r1"),
        ("http://localhost:8080/e/p/r1", "e/p/r1"),
        ("http://host/prefix/e/p/runs/r%201", "e/p/r 1"),
        ("file:///home/ann/.runlake/e/p/r1", "e/p/r1"),
    ],
)
def test_a_path_names_a_run(text, expected):
    assert str(parse_run_path(text, "ann", "digits")) == expected


@pytest.mark.parametrize("text", ["", "/", "a//b", "a/b/c/d", "e/p/runs/", "http://host/"])
def test_what_is_no_path_is_refused_with_the_forms_there_are(text):
    with pytest.raises(PathError, match="is no path of a run; write"):
        parse_run_path(text, "ann", "digits")


def test_what_is_left_out_needs_a_default():
    with pytest.raises(PathError, match="'r' names no entity and there is no default"):
        parse_run_path("r", None, None)
    with pytest.raises(PathError, match="'r' names no project and there is no default"):
        parse_run_path("r", "ann", None)
    with pytest.raises(PathError, match="a path is text, not int"):
        parse_run_path(5, "ann", "digits")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p", ("ann", "p")),
        ("e/p", ("e", "p")),
        ("/e/p", ("e", "p")),
        ("https://wandb.ai/e/p", ("e", "p")),
        ("https://wandb.ai/e/p/runs", ("e", "p")),
        ("https://wandb.ai/e/p/workspace?x=1", ("e", "p")),
        ("https://wandb.ai/e/p/runs/r1", ("e", "p")),
        ("file:///store/e/p", ("e", "p")),
    ],
)
def test_a_path_names_a_project(text, expected):
    assert parse_project_path(text, "ann") == expected


@pytest.mark.parametrize("text", ["", "a/b/c", "a/"])
def test_what_is_no_project_is_refused(text):
    with pytest.raises(PathError, match="is no path of a project"):
        parse_project_path(text, "ann")


@pytest.mark.parametrize("place", [("e", "p", "r"), ("é", "a b", "r:1")])
@pytest.mark.parametrize("base", ["file:///store", "http://host:80/x/"])
def test_the_address_of_a_run_is_a_path_to_it(base, place):
    assert parse_run_path(web_address(base, RunPath(*place)), "ann", "digits") == place
