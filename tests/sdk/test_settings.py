"""Every setting from every source, and who wins."""

import copy
import os
import pickle
from pathlib import Path

import pytest

from runlake.errors import BadValueError
from runlake.settings import Effective, Settings, explain, find_store, resolve
from runlake.settings.table import ROWS


@pytest.fixture
def home(tmp_path):
    """A user with an empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def environ(home):
    return {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "APPDATA": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "LOGNAME": "ann",
    }


@pytest.fixture
def cwd(tmp_path):
    folder = tmp_path / "work" / "deep"
    folder.mkdir(parents=True)
    return folder


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_defaults_are_what_a_fresh_machine_has(environ, cwd, home):
    settings = resolve({}, environ, cwd)
    assert settings.as_dict() | {"host": "h", "store": "d"} == {
        "store": "d", "root_dir": None, "base_url": None, "entity": "ann", "project": "uncategorized",
        "run_id": None, "name": None,
        "group": None, "job_type": None, "tags": (), "notes": None, "resume": None, "reinit": "default",
        "mode": "online", "label": None, "primary": None, "update_finish_state": None,
        "silent": False, "quiet": False, "strict": False, "console": "auto",
        "system_interval_s": 15.0, "disable_git": False, "disable_code": False, "disable_system": False,
        "seal": "detached", "finish_timeout_s": 60.0, "sync_interval_s": None, "username": "ann", "host": "h",
        "program": None, "sweep_id": None, "sweep_param_path": None, "agent_interval_s": 3.0,
        "agent_kill_delay_s": 30.0, "agent_max_initial_failures": 5, "agent_disable_flapping": False,
        "sync_tensorboard": False, "monitor_gym": False, "save_code": False,
        "artifact_dir": Path("artifacts"), "artifact_cache_bytes": 20_000_000_000,
        "artifact_digest_cache": True,
    }  # fmt: skip
    assert settings.host
    assert home in settings.store.parents
    assert (settings.ignored, settings.given) == ((), frozenset())


def test_each_source_beats_the_next_one(environ, cwd, home):
    write(home / "config" / "runlake" / "settings.toml", 'project = "user"\nentity = "user"\n')
    user = str(home / "config" / "runlake" / "settings.toml")
    assert explain({}, environ, cwd)["project"] == Effective("user", user)

    folder = write(cwd.parent / ".runlake" / "settings.toml", 'project = "folder"')
    assert explain({}, environ, cwd)["project"] == Effective("folder", str(folder))
    assert explain({}, environ, cwd)["entity"] == Effective("user", user)

    environ["WANDB_PROJECT"] = "w"
    assert explain({}, environ, cwd)["project"] == Effective("w", "WANDB_PROJECT")
    environ["RUNLAKE_PROJECT"] = "r"
    assert explain({}, environ, cwd)["project"] == Effective("r", "RUNLAKE_PROJECT")
    assert explain({"settings": {"project": "s"}}, environ, cwd)["project"] == Effective("s", "settings=")
    both = {"settings": Settings(project="s"), "project": "a"}
    assert explain(both, environ, cwd)["project"] == Effective("a", "argument")
    assert explain({"project": None, "settings": None}, environ, cwd)["project"] == Effective("r", "RUNLAKE_PROJECT")
    assert explain({}, environ, cwd)["mode"] == Effective("online", "default")


def test_every_wandb_variable_is_understood_under_both_prefixes(environ, cwd):
    texts = {
        "PROJECT": "p", "ENTITY": "e", "NAME": "n", "RUN_ID": "i", "RUN_GROUP": "g", "JOB_TYPE": "j",
        "TAGS": "a, b,,a", "NOTES": "o", "RESUME": "must", "MODE": "dryrun", "SILENT": "true", "QUIET": "1",
        "DISABLE_GIT": "yes", "DISABLE_CODE": "TRUE", "CONSOLE": "redirect", "USERNAME": "u", "HOST": "h",
        "PROGRAM": "x.py", "X_LABEL": "l", "X_PRIMARY": "false", "X_UPDATE_FINISH_STATE": "0",
        "SWEEP_PARAM_PATH": "a.json", "AGENT_KILL_DELAY": "2", "AGENT_MAX_INITIAL_FAILURES": "7",
        "AGENT_DISABLE_FLAPPING": "true",
    }  # fmt: skip
    expected = {
        "project": "p", "entity": "e", "name": "n", "run_id": "i", "group": "g", "job_type": "j",
        "tags": ("a", "b"), "notes": "o", "resume": "must", "mode": "offline", "silent": True, "quiet": True,
        "disable_git": True, "disable_code": True, "console": "wrap", "username": "u", "host": "h",
        "program": "x.py", "label": "l", "primary": False, "update_finish_state": False,
        "sweep_param_path": Path("a.json"), "agent_kill_delay_s": 2.0, "agent_max_initial_failures": 7,
        "agent_disable_flapping": True,
    }  # fmt: skip
    for prefix in ("WANDB_", "RUNLAKE_"):
        settings = resolve({}, environ | {prefix + name: text for name, text in texts.items()}, cwd)
        assert {name: getattr(settings, name) for name in expected} == expected
        assert settings.given == frozenset(expected)


def test_an_empty_variable_is_not_set_and_an_unknown_one_is_somebody_elses(environ, cwd):
    variables = {"WANDB_PROJECT": "", "RUNLAKE_MODE": " ", "WANDB_API_KEY": "k", "WANDB_BASE_URL": "http://w"}
    assert resolve({}, environ | variables, cwd) == resolve({}, environ, cwd)


def test_what_the_agent_of_a_sweep_says_is_stronger_than_the_script(environ, cwd):
    agent = {"SWEEP_ID": "s", "RUN_ID": "r", "PROJECT": "p", "ENTITY": "e"}
    script = {"entity": "x", "project": "x", "run_id": "x", "base_url": "http://x", "store": "x", "name": "n"}
    names = ("entity", "project", "run_id", "base_url", "store", "name", "sweep_id")

    def chosen(prefix, **more):
        variables = {f"{prefix}_{name}": text for name, text in agent.items()} | more
        settings = resolve(script, environ | variables, cwd)
        return [getattr(settings, name) for name in names]

    assert chosen("RUNLAKE", RUNLAKE_DIR="/store") == ["e", "p", "r", None, Path("/store"), "n", "s"]
    assert chosen("RUNLAKE", RUNLAKE_BASE_URL="http://u") == ["e", "p", "r", "http://u", cwd / "x", "n", "s"]
    assert chosen("WANDB") == ["e", "p", "r", "http://x", cwd / "x", "n", "s"]
    agent.pop("SWEEP_ID")
    assert chosen("RUNLAKE")[:3] == ["x", "x", "x"]


def test_an_argument_may_switch_a_variable_off(environ, cwd):
    variables = {"WANDB_RESUME": "allow", "WANDB_TAGS": "a", "WANDB_SILENT": "true"}
    settings = resolve({"resume": False, "tags": [], "silent": False}, environ | variables, cwd)
    assert (settings.resume, settings.tags, settings.silent) == (None, (), False)


def test_the_store_is_found_in_the_order_argument_variable_folder_data_folder(environ, cwd, home):
    assert explain({}, environ, cwd)["store"].origin == "default"
    user_file = write(home / "config" / "runlake" / "settings.toml", 'store = "lake"')
    assert explain({}, environ, cwd)["store"] == Effective(home / "lake", str(user_file))
    nearest = cwd.parent / ".runlake"
    nearest.mkdir()
    assert explain({}, environ, cwd)["store"] == Effective(nearest, "nearest .runlake")
    file = write(nearest / "settings.toml", 'dir = "../elsewhere"')
    assert explain({}, environ, cwd)["store"] == Effective(cwd.parent.parent / "elsewhere", str(file))
    environ["WANDB_DIR"] = "w"
    assert explain({}, environ, cwd)["store"] == Effective(cwd / "w" / ".runlake", "WANDB_DIR")
    environ["RUNLAKE_DIR"] = "r"
    assert explain({}, environ, cwd)["store"] == Effective(cwd / "r", "RUNLAKE_DIR")
    assert resolve({"store": Path("a/../b")}, environ, cwd).store == cwd / "b"
    assert resolve({"settings": Settings(store="s")}, environ, cwd).store == cwd / "s"


@pytest.mark.parametrize(
    "said",
    [{"root_dir": "."}, {"settings": Settings(dir=".")}, {"settings": {"root_dir": "."}}],
    ids=["dir=", "Settings(dir=)", "settings={'root_dir':}"],
)
def test_a_folder_that_is_said_by_the_way_beats_no_store_that_is_named_or_found(said, environ, cwd, home):
    def choice():
        chosen = explain(said, environ, cwd)["store"]
        assert chosen == explain({}, environ, cwd)["store"]
        return chosen.origin

    user_file = write(home / "config" / "runlake" / "settings.toml", "store = 'lake'")
    assert choice() == str(user_file)
    nearest = cwd.parent / ".runlake"
    nearest.mkdir()
    assert choice() == "nearest .runlake"
    file = write(nearest / "settings.toml", "store = 'elsewhere'")
    assert choice() == str(file)
    for variable in ("WANDB_DIR", "RUNLAKE_DIR"):
        environ[variable] = "named"
        assert choice() == variable


def test_such_a_folder_makes_a_store_where_readers_then_find_it_and_nowhere_else(environ, cwd, home, tmp_path):
    (tmp_path / "link").symlink_to(cwd, target_is_directory=True)
    (cwd / "below").mkdir()
    for folder in (".", "./", "..", "../..", str(cwd), str(cwd.parent), "below/..", str(tmp_path / "link"), "/"):
        store, origin = explain({"root_dir": folder}, environ, cwd)["store"]
        assert (store.name, origin) == (".runlake", "argument")
        assert os.path.realpath(store.parent) == os.path.realpath(cwd / folder)
        assert store.parent in (cwd, *cwd.parents)
    for folder in ("below", "logs/run-1", "../beside", str(home), "~", str(tmp_path / "link" / "below")):
        assert explain({"root_dir": folder}, environ, cwd)["store"] == explain({}, environ, cwd)["store"]


def test_a_file_called_like_the_store_folder_is_none(cwd):
    write(cwd / ".runlake", "not a folder")
    assert find_store(cwd) is None
    (cwd.parent / ".runlake").mkdir()
    assert find_store(cwd) == cwd.parent / ".runlake"


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        ({}, {"WANDB_MODE": "fast"}, "WANDB_MODE is 'fast'; it must be one of online, offline, disabled, shared"),
        ({}, {"RUNLAKE_SILENT": "maybe"}, "RUNLAKE_SILENT is 'maybe'; it must be true or false"),
        ({}, {"RUNLAKE_SYSTEM_INTERVAL_S": "0"}, "RUNLAKE_SYSTEM_INTERVAL_S is '0'; it must be a number of seconds"),
        ({}, {"RUNLAKE_SYNC_INTERVAL_S": "nan"}, "RUNLAKE_SYNC_INTERVAL_S is 'nan'; it must be a number of seconds"),
        ({}, {"WANDB_AGENT_MAX_INITIAL_FAILURES": "0"}, "WANDB_AGENT_MAX_INITIAL_FAILURES is '0'; it must be a whole"),
        ({"project": 3}, {}, "the argument project is 3; it must be text that is not empty"),
        ({"project": ""}, {}, "the argument project is ''; it must be text that is not empty"),
        ({"tags": [1]}, {}, "the argument tags is [1]; it must be a list of texts"),
        ({"tags": 5}, {}, "the argument tags is 5; it must be a list of texts"),
        ({"store": "a\0b"}, {}, "the argument store is 'a\\x00b'; it must be the path of a folder"),
        ({}, {"RUNLAKE_DIR": "http://h"}, "RUNLAKE_DIR is 'http://h'; it must be the path of a folder; a server is"),
        ({"resume": "maybe"}, {}, "the argument resume is 'maybe'; it must be one of allow, must, never, auto"),
        ({"settings": {"seal": "x"}}, {}, "settings= seal is 'x'; it must be one of detached, off"),
        ({"settings": 3}, {}, "settings= is of type int; pass runlake.Settings(...) or a dict"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_its_origin(arguments, variables, message, environ, cwd):
    with pytest.raises(BadValueError) as caught:
        resolve(arguments, environ | variables, cwd)
    assert str(caught.value).startswith(message)


def test_a_settings_file_that_cannot_be_used_is_named(environ, cwd):
    path = write(cwd / ".runlake" / "settings.toml", "mode = 'fast'")
    with pytest.raises(BadValueError) as caught:
        resolve({}, environ, cwd)
    assert str(caught.value) == f"mode in {path} is 'fast'; it must be one of online, offline, disabled, shared"
    path.write_text("mode = ")
    with pytest.raises(BadValueError, match="is not TOML"):
        resolve({}, environ, cwd)
    path.write_bytes(b"\xff")
    with pytest.raises(BadValueError, match="cannot be read"):
        resolve({}, environ, cwd)


def test_unknown_names_are_kept_once_and_known_wandb_names_are_understood(environ, cwd):
    write(cwd / ".runlake" / "settings.toml", "colour = 1")
    given = Settings(start_method="fork", run_name="n", x_disable_stats=True, x_files_dir="l")
    assert (given.name, given.disable_system, given.ignored) == ("n", True, ("start_method", "x_files_dir"))
    settings = resolve({"settings": given, "x_files_dir": 1}, environ, cwd)
    assert (settings.name, settings.disable_system) == ("n", True)
    assert settings.ignored == ("start_method", "x_files_dir", "colour")


def test_settings_cannot_be_changed_but_replaced_copied_and_pickled(environ, cwd):
    settings = resolve({"project": "p", "tags": "a,b", "x_files_dir": 1}, environ, cwd)
    with pytest.raises(AttributeError, match="settings cannot be changed"):
        settings.project = "q"
    changed = settings.replace(project="q", name="n")
    assert changed.as_dict() == settings.as_dict() | {"project": "q", "name": "n"}
    assert changed.ignored == ("x_files_dir",)
    assert copy.deepcopy(settings) == pickle.loads(pickle.dumps(settings)) == settings
    assert repr(Settings(project="p", mode="offline")) == "Settings(project='p', mode='offline')"


def test_the_login_name_becomes_an_entity_that_can_be_a_folder(environ, cwd):
    assert resolve({}, environ | {"LOGNAME": "CORP\\ann"}, cwd).entity == "CORP-ann"
    assert resolve({}, environ | {"LOGNAME": ".."}, cwd).entity == "user"
    without = {name: value for name, value in environ.items() if name != "LOGNAME"}
    assert resolve({}, without, cwd).entity


def test_the_class_names_exactly_the_settings_of_the_table():
    assert [name for name in Settings.__annotations__ if name not in ("ignored", "given")] == [r.name for r in ROWS]
    assert all(row.about for row in ROWS)


def test_settings_made_by_hand_have_every_attribute():
    settings = Settings()
    assert settings.as_dict() == resolve({}, {**os.environ, **_cleared()}, Path("/")).as_dict()


def _cleared():
    return {variable: "" for row in ROWS for variable in row.variables}


@pytest.mark.parametrize(
    ("text", "size_bytes"), [("20GB", 20 * 10**9), ("1.5M", 1_500_000), ("0", 0), (123, 123), ("2tb", 2 * 10**12)]
)
def test_sizes_are_numbers_of_bytes_or_have_a_unit(text, size_bytes):
    assert Settings(artifact_cache_bytes=text).artifact_cache_bytes == size_bytes


@pytest.mark.parametrize("text", ["much", "-1", True, "GB", "inf"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(BadValueError, match="a number of bytes, like 20GB"):
        Settings(artifact_cache_bytes=text)
