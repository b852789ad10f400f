from pathlib import Path

import pytest

from runlake.errors import NotFoundError, PathError
from runlake.model import RunPath
from runlake.sdk.run.files import RunFiles
from runlake.sdk.run.models import Models
from runlake.store.layout import Layout


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "store")


@pytest.fixture
def models(layout):
    return models_of(layout, "me", "digits", "r1")


def models_of(layout, *path):
    layout.make_run_dir(RunPath(*path))
    return Models(layout, RunPath(*path), RunFiles(layout, RunPath(*path)))


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "checkpoint"
    (folder / "tokens").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"model")
    (folder / "tokens" / "vocab.txt").write_bytes(b"vocab")
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()
    }


def test_a_file_is_kept_and_found_again(models, layout, weights):
    assert models.log_model(weights) == "weights.pt"
    path = Path(models.use_model("weights.pt"))
    assert path == layout.files_dir(RunPath("me", "digits", "r1")) / "models" / "weights.pt" / "weights.pt"
    assert path.read_bytes() == b"weights"


def test_a_folder_is_kept_with_all_that_is_in_it(models, checkpoint):
    assert models.log_model(str(checkpoint), name="best") == "best"
    expected = {"model.bin": b"model", "tokens/vocab.txt": b"vocab"}
    assert contents(models.use_model("best")) == contents(models.use_model("best:latest")) == expected


def test_a_model_replaces_the_older_one_of_its_name(models, checkpoint, weights):
    models.log_model(checkpoint, "best")
    models.log_model(weights, "best")
    assert models.use_model("best").endswith("best/weights.pt")
    weights.write_bytes(b"newer")
    models.log_model(weights, "best")
    assert Path(models.use_model("best")).read_bytes() == b"newer"


def test_a_model_of_another_run_is_found_by_its_path(models, layout, weights):
    models.log_model(weights, "best")
    path = models.use_model("best")
    assert models_of(layout, "me", "digits", "r2").use_model("r1/best") == path
    assert models_of(layout, "me", "other", "r2").use_model("digits/r1/best") == path
    assert models_of(layout, "you", "other", "r2").use_model("me/digits/r1/best:latest") == path


def test_a_model_that_is_in_the_folder_of_the_run_already_stays_there(models, layout, weights):
    models.log_model(weights, "best")
    stored = models.use_model("best")
    models.log_model(stored, "best")
    assert Path(stored).read_bytes() == b"weights"


def test_what_is_not_there_is_told(models, weights, tmp_path):
    with pytest.raises(NotFoundError, match="no model 'best' in me/digits/r1; it has none"):
        models.use_model("best")
    models.log_model(weights, "first")
    with pytest.raises(NotFoundError, match="it has: first"):
        models.use_model("best")
    with pytest.raises(PathError, match=r"missing\.pt' is not there"):
        models.log_model(tmp_path / "missing.pt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PathError, match="holds no files"):
        models.log_model(tmp_path / "empty")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a:v1", 5])
def test_names_that_cannot_be_are_told(models, weights, name):
    with pytest.raises(PathError, match="cannot be called"):
        models.log_model(weights, name)


def test_paths_that_cannot_be_are_told(models):
    for name in ("a/b/c/d/e", "../best", "", 5):
        with pytest.raises(PathError):
            models.use_model(name)
