"""How artifacts and the files in them are called."""

import pytest

from runlake.artifact_model import ArtifactPath, CollectionPath
from runlake.artifacts.names import (
    inner_name,
    names_that_meet,
    parse_artifact,
    parse_collection,
    parse_project,
    safe_name,
)
from runlake.errors import BadValueError, PathError


@pytest.mark.parametrize(
    ("names", "met"),
    [
        (["a", "b/a", "b/c"], None),
        (["Readme", "x", "README"], ("Readme", "README")),
        (["a/Straße", "A/STRASSE"], ("a/Straße", "A/STRASSE")),
        (["caf\u00e9", "cafe\u0301"], ("caf\u00e9", "cafe\u0301")),
        (["A/x", "a/y"], None),
        (["Data", "data/x/y"], ("Data", "data")),
    ],
)
def test_names_that_are_one_without_case_are_found(names, met):
    assert names_that_meet(names) == met


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("model", ("e", "p", "model", "latest")),
        ("model:v3", ("e", "p", "model", "v3")),
        ("q/model:best", ("e", "q", "model", "best")),
        ("f/q/model", ("f", "q", "model", "latest")),
        ("wandb-artifact://f/q/model:v0", ("f", "q", "model", "v0")),
        ("/f/q/model/", ("f", "q", "model", "latest")),
    ],
)
def test_a_version_is_named_with_what_stands_before_it(text, path):
    assert parse_artifact(text, "e", "p") == ArtifactPath(*path)


@pytest.mark.parametrize("text", ["", "/", "a/b/c/d", "a//b", ":v0", 3, None])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(PathError):
        parse_artifact(text, "e", "p")


def test_collections_and_projects_are_named_likewise():
    assert parse_collection("q/model", "e", "p") == CollectionPath("e", "q", "model")
    assert [parse_project(text, "e", "p") for text in (None, "q", "f/q")] == [("e", "p"), ("e", "q"), ("f", "q")]
    with pytest.raises(PathError, match="no path of a project"):
        parse_project("a/b/c", "e", "p")


def test_names_of_files_have_one_form():
    assert [inner_name(name) for name in ("a//b", "./a/b", "/a/b", "a\\b")] == ["a/b"] * 4
    for name in ("..", "a/../b", "", "."):
        with pytest.raises(BadValueError):
            inner_name(name)


def test_a_name_is_made_of_any_text():
    assert [safe_name(text) for text in ("a b/c", "é", "..", "x" * 200)] == ["a_b_c", "_", "artifact", "x" * 128]
