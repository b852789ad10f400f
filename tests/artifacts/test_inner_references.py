"""What an artifact refers to in another one of the store, as W&B's client notes it, is read as if it lay there."""

from pathlib import Path

import numpy as np
import pytest

from runlake import Image
from runlake.artifacts.artifact import Artifact
from runlake.artifacts.inner_references import file_of_artifact
from runlake.errors import BadValueError


def address(artifact, name):
    return f"wandb-artifact://{f'artifact/{artifact.info.artifact_id}'.encode().hex()}/{name}"


@pytest.fixture
def origin(service, keep):
    made = Artifact("origin", "dataset")
    with made.new_file("deep/a.txt") as file:
        file.write("hello")
    made.add(Image(np.zeros((2, 3, 3), dtype=np.uint8)), "black")
    return keep(service, made)


@pytest.fixture
def referring(service, keep, origin):
    made = Artifact("referring", "dataset")
    made.add_reference(address(origin, "deep/a.txt"), name="a.txt")
    made.add_reference(address(origin, "black.image-file.json"), name="black.image-file.json")
    for path in origin.manifest.entries:
        if path.startswith("media/"):
            made.add_reference(address(origin, path), name=path)
    return keep(service, made)


def test_files_are_fetched_from_where_they_lie(referring, tmp_path):
    assert referring.get_entry("a.txt").read() == b"hello"
    assert Path(referring.download(tmp_path / "all"), "a.txt").read_text() == "hello"
    assert Path(referring.get_entry("a.txt").download(tmp_path / "one")).read_text() == "hello"


def test_objects_are_read_from_where_they_lie(referring):
    assert referring.get("black").to_numpy().shape == (2, 3, 3)


def test_what_is_gone_is_named_as_other_references_are(referring, origin, tmp_path, contents):
    origin.delete(delete_aliases=True)
    with pytest.raises(BadValueError, match=r"'a\.txt' is a reference to wandb-artifact://"):
        referring.get_entry("a.txt").download(tmp_path)
    assert contents(referring.download(tmp_path / "rest", allow_missing_references=True)) == {}


@pytest.mark.parametrize(
    "ref", [None, "s3://bucket/a", "wandb-artifact://zz/a", "wandb-artifact://41727469666163743a31/a", address.__name__]
)
def test_other_addresses_are_left_as_they_are(ref):
    assert file_of_artifact(ref) is None
