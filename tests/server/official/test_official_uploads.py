"""The official client puts the files of artifacts past the server where that is over a bucket."""

import json
from pathlib import Path

import pytest

TOUR = Path(__file__).with_name("upload_tour.py")
SMALL_BYTES = sum(len(f"file {n}\n") for n in range(20)) + 3_000_000
LARGE_MIB = 2100
"""From 2 GiB on the client sends a file in parts."""


@pytest.fixture
def logged(seat, request):
    """What the tour found, and what the server was asked for meanwhile."""
    before = len(seat.log.read_text().splitlines())
    found = seat.run(TOUR, *request.param, timeout_s=1200).answers()
    return found, [json.loads(line) for line in seat.log.read_text().splitlines()[before:]]


def contents_through(seat, asked):
    """How many contents came through the server; manifests do always."""
    puts = [line["path"] for line in asked if line.get("method") == "PUT" and "/artifact-uploads/" in line["path"]]
    return sum("/manifests/" not in path for path in puts)


@pytest.mark.parametrize("logged", [()], indirect=True)
def test_an_artifact_of_several_files_is_logged_and_used(seat, logged):
    found, asked = logged
    assert found["logged"][1:] == ["COMMITTED", 22, SMALL_BYTES]
    assert (len(found["used"]), found["same"]) == (22, True)
    assert contents_through(seat, asked) == (0 if seat.place.download_statuses == {307} else 22)


@pytest.mark.long
@pytest.mark.parametrize("logged", [(str(LARGE_MIB),)], indirect=True)
def test_a_large_file_comes_in_parts(seat, logged):
    found, asked = logged
    assert found["logged"][1:] == ["COMMITTED", 23, SMALL_BYTES + (LARGE_MIB << 20)]
    assert (len(found["used"]), found["same"]) == (23, True)
    assert contents_through(seat, asked) == (0 if seat.place.download_statuses == {307} else 22 + LARGE_MIB // 100)
