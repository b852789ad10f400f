"""runlake and the official client read each other's objects in artifacts, and find the same files to be the same."""

from pathlib import Path

import pytest
from seat import KEY

import runlake
from runlake.artifacts.artifact import Artifact
from runlake.media.tables import PartitionedTable


def table_of(*rows, columns=("x", "y")):
    return runlake.Table(columns=list(columns), data=[list(row) for row in rows])


def artifact_of_ours():
    ours = Artifact("ours", "dataset")
    ours.add(table_of((1, "a"), (2, None)), "points")
    ours.add(table_of((1, runlake.Html("<b>ours</b>", inject=False))), "pages")
    ours.add(runlake.JoinedTable(table_of((1, "a")), table_of((1, "b")), "x"), "joined")
    for number in range(2):
        ours.add(table_of((number,), columns=["n"]), f"parts/{number}")
    ours.add(PartitionedTable("parts"), "whole")
    return ours


@pytest.fixture(scope="module")
def api(seat):
    with runlake.Api(seat.url, api_key=KEY, overrides={"entity": "ada", "project": "shared"}) as api:
        yield api


@pytest.fixture(scope="module")
def plain(api):
    """An artifact of one file, which the client logs again."""
    run = api.create_run("mine", "shared", "ada")
    run.log_artifact(artifact_of_ours())
    plain = Artifact("plain", "dataset")
    with plain.new_file("a.txt") as file:
        file.write("the same")
    return run.log_artifact(plain)


@pytest.fixture(scope="module")
def found(seat, plain):
    return seat.run(Path(__file__).parent / "shared_objects_tour.py").answers()


def test_the_client_reads_what_runlake_added(found):
    assert found["points"] == [["x", "y"], [[1, "a"], [2, None]]]
    assert found["page"] == "<b>ours</b>"
    assert found["joined"] == [[[1, "a"]], [[1, "b"]], "x"]
    assert found["parts"] == [[0], [1]]


def test_runlake_reads_what_the_client_added(found, api):
    theirs = api.artifact("theirs:latest")
    assert theirs.get("points").data == [[1, "a"], [2, "b"]]
    assert theirs.get("pages").data[0][1].html == "<b>theirs</b>"
    assert [row[0].tolist() for row in theirs.get("arrays").data] == [[[1, 0], [0, 1]], [[1, 1], [1, 1]]]
    assert api.artifact("referring:latest").get("of-another").data == [[1, "a"], [2, "b"]]
    joined = theirs.get("joined")
    assert (joined.table1.data, joined.table2.data, joined.join_key) == ([[1, "a"]], [[1, "b"]], "x")
    assert list(theirs.get("whole").iterrows()) == [(0, [0]), (1, [1])]


def test_the_same_files_are_the_same_version(found, plain):
    assert (found["version"], found["digest"]) == (plain.version, plain.digest)
