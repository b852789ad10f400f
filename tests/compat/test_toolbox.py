"""What scripts and integrations borrow from the toolbox of wandb: util, env, api, printers, calls that do little."""

import datetime
import importlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runlake
from quiet import fresh_session, make_quiet
from runlake.compat import noop_calls
from runlake.compat.inner_api import NO_KEY_IS_NEEDED, InnerApi
from runlake.errors import NotSupportedError, UsageError

pytestmark = pytest.mark.usefixtures("installed")

numbers = st.integers(-(2**31), 2**31) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    numbers | st.none() | st.booleans() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def util():
    return importlib.import_module("wandb.util")


@given(plain)
def test_plain_values_are_json_as_they_are(value):
    assert json.loads(util().json_dumps_safer(value)) == value
    assert util().json_friendly_val(value) == value


@given(st.lists(st.integers(-1000, 1000), max_size=5), st.sampled_from([np.float64, np.float32, np.int64]))
def test_arrays_and_their_scalars_become_lists_and_numbers(values, kind):
    array = np.array(values).astype(kind)
    expected = array.tolist()
    assert util().json_friendly(array) == (expected, True)
    assert json.loads(util().json_dumps_safer({"array": array, "scalars": list(array)})) == {
        "array": expected,
        "scalars": expected,
    }


FRIENDLY = [
    (b"text", "text"),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (Path("a/b"), "a/b"),
    ({1}, [1]),
    (np.bool_(True), True),
    (len, "builtins.len"),
    (slice(1, 2), {"slice_start": 1, "slice_step": None, "slice_stop": 2}),
]


@pytest.mark.parametrize(("value", "expected"), FRIENDLY)
def test_other_values_become_what_json_takes(value, expected):
    assert util().json_friendly(value) == (expected, True)
    assert json.loads(util().json_dumps_safer([value])) == [expected]


def test_what_cannot_be_json_is_a_type_error():
    with pytest.raises(TypeError, match="object"):
        util().json_dumps_safer(object())


def test_types_are_told_by_their_names():
    frame = importlib.import_module("pandas").DataFrame({"x": [1]})
    found = [util().is_numpy_array(np.zeros(1)), util().is_pandas_data_frame(frame), util().is_pytorch_tensor(1)]
    assert found == [True, True, False]
    assert [util().get_full_typename(value) for value in (np.zeros(1), 1)] == ["numpy.ndarray", "int"]


def test_sizes_and_names_are_made_readable_and_safe():
    assert [util().to_human_size(size) for size in (0, 999, 1500, 2_500_000)] == ["0B", "999B", "1.5KB", "2.5MB"]
    name = util().make_artifact_name_safe("a b/c:" + "x" * 200)
    assert (len(name), name[:7]) == (128, "a_b_c_x")
    assert runlake.Artifact(name, "model").name == name


def test_the_names_of_the_variables_are_there_and_read(monkeypatch):
    env = importlib.import_module("wandb.env")
    monkeypatch.setenv("WANDB_PROJECT", "digits")
    monkeypatch.setenv("WANDB_TAGS", "a,b")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.delenv("WANDB_ENTITY", raising=False)
    assert [env.PROJECT, env.API_KEY, env.DIR] == ["WANDB_PROJECT", "WANDB_API_KEY", "WANDB_DIR"]
    assert [env.get_project(), env.get_tags(), env.is_silent(), env.get_entity()] == ["digits", ["a", "b"], True, None]
    env.set_project("letters")
    assert os.environ["WANDB_PROJECT"] == "letters"
    with pytest.raises(ValueError, match="neither yes nor no"):
        env.strtobool("perhaps")


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No settings but these, in a folder of its own, and no run."""
    make_quiet(monkeypatch, tmp_path, RUNLAKE_ENTITY="ada")
    with fresh_session():
        yield


def test_the_inner_api_says_who_is_logged_in(alone, monkeypatch):
    api = importlib.import_module("wandb").api
    assert (api.api_key, api.default_entity, api.viewer()["entity"]) == (NO_KEY_IS_NEEDED, "ada", "ada")
    assert (api.settings("entity"), api.settings()["base_url"], isinstance(api, InnerApi)) == ("ada", None, True)
    monkeypatch.setenv("RUNLAKE_BASE_URL", "http://127.0.0.1:9")
    assert api.api_key is None
    monkeypatch.setenv("RUNLAKE_API_KEY", "k" * 40)
    assert api.api_key == "k" * 40
    with pytest.raises(NotSupportedError, match=r"api\.upload_urls is not in runlake"):
        api.upload_urls()


def test_setting_up_answers_the_settings(alone):
    assert noop_calls.setup().settings.entity == "ada"
    assert noop_calls.setup(runlake.Settings(project="p")).settings.project == "p"
    assert noop_calls.ensure_configured() is noop_calls.termsetup() is noop_calls.sagemaker_auth(path=".") is None


def test_attaching_gives_the_run_of_this_process_and_no_other(alone):
    with pytest.raises(UsageError, match="no run r1 is active"):
        noop_calls.attach(run_id="r1")
    with runlake.init(project="p", id="r1") as run:
        assert noop_calls.attach("r1") is noop_calls.attach() is noop_calls.attach(run=run) is run
        with pytest.raises(UsageError, match='mode="shared"'):
            noop_calls.attach("r2")


def test_a_printer_prints_lines_to_stderr(capsys):
    printer = importlib.import_module("wandb.sdk.lib.printer").new_printer()
    printer.display(["one", printer.link("http://x", "two")])
    printer.display(printer.name("three"), level="warn")
    printer.display(printer.code("four"), level=40)
    with printer.dynamic_text() as area:
        assert area is None
    said = "runlake: one\nrunlake: two: http://x\nrunlake: WARNING three\nrunlake: ERROR four\n"
    assert capsys.readouterr() == ("", said)


def test_files_are_copied_in_one_step(tmp_path):
    filesystem = importlib.import_module("wandb.sdk.lib.filesystem")
    (tmp_path / "a").write_text("x")
    filesystem.mkdir_exists_ok(tmp_path / "b" / "c")
    filesystem.safe_copy(tmp_path / "a", tmp_path / "b" / "c" / "d")
    assert [path.read_text() for path in (tmp_path / "b" / "c").iterdir()] == ["x"]
