"""The configuration: from anything, nested, guarded against change, and told edit by edit."""

import argparse
import copy
import dataclasses
import enum
import math
import pickle
import re
import sys
import types
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import (
    BadValueError,
    ConfigError,
    LogTypeError,
    NotFoundError,
    NotSupportedError,
    RunlakeWarning,
)
from runlake.sdk.run.config import Config, plain_config
from runlake.sdk.run.config_edits import leaves as leaves_of
from runlake.sdk.run.config_edits import merged
from runlake.sdk.run.config_source import as_yaml, read_config, read_defaults
from runlake.store.journal.edits import apply_edit
from runlake.values import Json


class Told:
    """The edits that a config told, in order."""

    def __init__(self):
        self.edits = []

    def __call__(self, paths_set, paths_unset):
        self.edits.append((paths_set, paths_unset))


@dataclasses.dataclass
class Model:
    width: int = 3
    layers: tuple = (1, 2)


class Color(enum.Enum):
    RED = "red"


def test_keys_are_items_and_attributes():
    config = Config({"lr": 0.1, "opt": {"name": "adam"}})
    config.epochs = 3
    config["batch"] = 32
    assert (config.lr, config["lr"], config.opt, config["epochs"]) == (0.1, 0.1, {"name": "adam"}, 3)
    assert "batch" in config
    assert config.get("missing", 5) == 5
    assert dict(**config) == config.as_dict() == {"lr": 0.1, "opt": {"name": "adam"}, "epochs": 3, "batch": 32}
    assert list(config) == list(config.keys()) == ["lr", "opt", "epochs", "batch"]
    assert (len(config), repr(Config({"a": 1}))) == (4, "{'a': 1}")
    with pytest.raises(KeyError, match="missing"):
        config["missing"]
    with pytest.raises(AttributeError, match="the config has no key 'missing'; it has: lr, opt, epochs, batch"):
        config.missing  # noqa: B018


def test_every_change_is_told_in_canonical_paths():
    told = Told()
    config = Config({"a": {"old": 1}, "s": 1}, told, allow_val_change=True)
    config.lr = 0.5
    config["a.b"] = (1, 2)
    config.update({"a": {"x": {"y": 1}}, "s": {"t": None}}, m=1)
    config["a"] = 7
    del config["a.b"]
    del config.m
    assert told.edits == [
        ({"lr": 0.5}, []),
        ({"a\\.b": Json("[1,2]")}, []),
        ({"a.x.y": 1, "s.t": None, "m": 1}, ["s"]),
        ({"a": 7}, ["a"]),
        ({}, ["a\\.b"]),
        ({}, ["m"]),
    ]
    assert config.as_dict() == {"a": 7, "s": {"t": None}, "lr": 0.5}


def test_setting_the_same_value_again_is_no_change_and_not_told():
    told = Told()
    config = Config({"lr": 0.1, "nan": math.nan, "l": [1, (2, math.nan)], "d": {"a": {"b": 1}}, "n": None}, told)
    config.update({"lr": 0.1, "nan": math.nan, "l": (1, [2, math.nan]), "d": {"a": {"b": 1}}, "n": None})
    config.lr = np.float64(0.1)
    assert told.edits == []


def test_a_change_is_refused_as_a_whole_unless_it_is_allowed():
    told = Told()
    config = Config({"lr": 0.1, "flag": 1}, told)
    with pytest.raises(ConfigError) as caught:
        config.update({"new": 1, "lr": 0.2})
    assert str(caught.value) == (
        "config['lr'] is 0.1 and cannot become 0.2; pass allow_val_change=True to init or to config.update if that "
        "is meant"
    )
    with pytest.raises(ConfigError):
        config.flag = True
    assert (config.as_dict(), told.edits) == ({"lr": 0.1, "flag": 1}, [])
    config.update({"lr": 0.2}, allow_val_change=True)
    assert (config.lr, told.edits) == (0.2, [({"lr": 0.2}, [])])
    loose = Config({"lr": 0.1}, allow_val_change=True)
    loose.lr = 1
    assert loose.as_dict() == {"lr": 1}
    with pytest.raises(ConfigError):
        loose.update({"lr": 2}, allow_val_change=False)


def test_defaults_fill_only_what_is_missing():
    config = Config({"lr": 0.1})
    config.setdefaults({"lr": 9, "epochs": 2})
    assert config.setdefault("lr", 8) == 0.1
    assert config.setdefault("seed", 1) == 1
    assert config.as_dict() == {"lr": 0.1, "epochs": 2, "seed": 1}


def test_values_become_what_a_reader_will_get():
    config = Config(
        {
            "tuple": (1, (2,)),
            "set": {4},
            "array": np.array([1.5, 2.0]),
            "scalar": np.int64(7),
            "enum": Color.RED,
            "path": Path("a") / "b",
            "class": Model,
            "function": len,
            "object": Model(),
            "namespace": argparse.Namespace(x=1),
            "deque": deque([1]),
            "empty": {},
            1: {2: "x"},
            "complex": 1j,
        }
    )
    assert config.as_dict() == {
        "tuple": [1, [2]],
        "set": [4],
        "array": [1.5, 2.0],
        "scalar": 7,
        "enum": "red",
        "path": str(Path("a") / "b"),
        "class": f"{__name__}.Model",
        "function": "builtins.len",
        "object": {"width": 3, "layers": [1, 2]},
        "namespace": {"x": 1},
        "deque": [1],
        "empty": {},
        "1": {"2": "x"},
        "complex": "1j",
    }
    assert (config[1], 1 in config) == ({"2": "x"}, True)


def test_update_merges_dicts_and_assignment_replaces_them():
    config = Config({"net": {"dim": 1, "act": {"name": "relu"}}})
    config.update({"net": {"act": {"slope": 0.1}, "bias": True}})
    assert config.as_dict() == {"net": {"dim": 1, "act": {"name": "relu", "slope": 0.1}, "bias": True}}
    with pytest.raises(ConfigError, match=re.escape("config['net']['act']['name'] is 'relu' and cannot become 'gelu'")):
        config.update({"net": {"act": {"name": "gelu"}}})
    with pytest.raises(ConfigError, match=re.escape("config['net']['dim'] is 1 and cannot become None")):
        config.net = {"bias": True}
    config.update({"net": {"act": {"name": "gelu"}}}, allow_val_change=True)
    config.setdefaults({"net": {"dim": 7, "act": {"name": "elu"}, "norm": {"eps": 1e-5}}, "seed": 1})
    expected = {"dim": 1, "act": {"name": "gelu", "slope": 0.1}, "bias": True, "norm": {"eps": 1e-5}}
    assert config.as_dict() == {"net": expected, "seed": 1}


def test_what_is_read_is_plain_and_what_is_changed_inside_is_told():
    told = Told()
    config = Config({"a": {"b": [1], "c": {"d": 1}}, "l": [{"x": 1}], "s": 1}, told)
    held = config["a"]
    assert (type(held), type(held["b"]), held is config.a) == (dict, list, True)
    held["k"] = (1, np.int64(2))
    held["b"].append(2)
    del held["c"]["d"]
    held[3] = {"e": 0.5}
    config["l"][0]["x"] = 2
    assert (config.s, told.edits) == (1, [])
    assert config["a"] == {"b": [1, 2], "c": {}, "k": [1, 2], "3": {"e": 0.5}}
    config.tell_changes()
    assert told.edits == [
        ({"a.b": Json("[1,2]"), "a.c": Json("{}"), "a.k": Json("[1,2]"), "a.3.e": 0.5}, ["a.c"]),
        ({"l": Json('[{"x":2}]')}, []),
    ]
    config.update(a={"z": 0})
    assert (held["z"], config.as_dict()["l"]) == (0, [{"x": 2}])
    held["k"] = True
    config.tell_last_changes()
    assert told.edits[2:] == [({"a.z": 0}, []), ({"a.k": True}, [])]
    config["a"]["after"] = 1
    config.tell_last_changes()
    assert len(told.edits) == 4


def test_what_cannot_be_stored_inside_a_dict_is_told_once_and_stops_nobody():
    told = Told()
    config = Config({"a": {}}, told)
    config["a"]["b"] = 2**5000
    with pytest.warns(RunlakeWarning, match=re.escape("config['a'] was changed inside and cannot be stored")) as caught:
        config.tell_changes()
    config.tell_changes()
    assert (len(caught), told.edits) == (1, [])


def test_a_dict_that_is_being_changed_beside_is_looked_at_later():
    told = Told()
    config = Config({"a": {"b": 1}}, told)
    held = config["a"]

    class Growing:
        def __str__(self):
            held[f"k{len(held)}"] = 1
            return "text"

        __repr__ = __str__

    held["grow"] = Growing()
    config.tell_changes(from_beside=True)
    assert told.edits == []
    held["grow"] = "no more"
    config.tell_changes(from_beside=True)
    assert [edit["a.grow"] for edit, _ in told.edits] == ["no more"]


def test_parameters_of_a_sweep_stay_and_what_stands_beside_them_may_change():
    told = Told()
    config = Config({"net": {"dim": 2, "lr": 0.1}}, told, locked={"net": {"dim": 2}}, allow_val_change=True)
    with pytest.warns(RunlakeWarning) as caught:
        config.update({"net": {"dim": 9, "lr": 0.5}})
    config.net = {"dim": 9, "lr": 0.25}
    assert [str(w.message) for w in caught] == ["runlake: config['net']['dim'] is a parameter of the sweep and stays 2"]
    config.net = {"act": "relu"}
    assert config.as_dict() == {"net": {"dim": 2, "act": "relu"}}
    config.net["dim"] = 9
    config.tell_changes()
    assert told.edits == [({"net.lr": 0.5}, []), ({"net.lr": 0.25}, []), ({"net.act": "relu"}, ["net.lr"])]


def test_the_hidden_key_is_kept_and_not_listed():
    config = Config({"_wandb": {"x": 1}, "_mine": 2})
    assert (list(config), len(config), config.as_dict()) == (["_mine"], 1, {"_mine": 2})
    assert config["_wandb"] == {"x": 1}


def test_an_edit_that_fails_leaves_the_config_as_it_was():
    def fail(paths_set, paths_unset):
        raise OSError("disk full")

    config = Config({"a": 1}, fail)
    with pytest.raises(OSError, match="disk full"):
        config.b = 2
    with pytest.raises(OSError, match="disk full"):
        del config["a"]
    assert config.as_dict() == {"a": 1}


def test_a_copy_holds_the_values_and_tells_nobody():
    told = Told()
    config = Config({"a": {"b": 1}}, told)
    for twin in (copy.deepcopy(config), copy.copy(config), pickle.loads(pickle.dumps(config))):
        twin.c = 1
        assert twin.as_dict() == {"a": {"b": 1}, "c": 1}
    assert (config.as_dict(), told.edits) == ({"a": {"b": 1}}, [])


class Flags:
    def flag_values_dict(self):
        return {"lr": 1}


class Slotted:
    __slots__ = ("lr",)


@pytest.mark.parametrize(
    "source",
    [
        {"lr": 1},
        types.MappingProxyType({"lr": 1}),
        argparse.Namespace(lr=1),
        types.SimpleNamespace(lr=1),
        dataclasses.make_dataclass("D", [("lr", int)])(1),
        Flags(),
        Config({"lr": 1}),
    ],
    ids=lambda source: type(source).__name__,
)
def test_a_configuration_may_come_as_any_object_that_holds_settings(source):
    assert read_config(source) == {"lr": 1}


@pytest.mark.parametrize("source", [3, [("lr", 1)], Slotted(), Model, object()])
def test_anything_else_is_refused(source):
    with pytest.raises(LogTypeError, match="a configuration cannot be a "):
        read_config(source)


def test_keys_are_included_and_excluded():
    assert read_config({"a": 1, "b": 2, "c": 3}, include=["a", "b"], exclude=["b"]) == {"a": 1}
    assert read_config(None) == {}


def test_json_and_toml_files_are_read(tmp_path):
    (tmp_path / "c.json").write_text('{"a": {"value": 1}, "b": 2}')
    (tmp_path / "c.toml").write_text("a = 1\n[b]\nc = 2.5")
    assert read_config(tmp_path / "c.json") == {"a": {"value": 1}, "b": 2}
    assert read_config(str(tmp_path / "c.toml")) == {"a": 1, "b": {"c": 2.5}}


def test_files_that_cannot_be_used_are_named(tmp_path):
    (tmp_path / "c.json").write_text("{")
    (tmp_path / "l.json").write_text("[1]")
    (tmp_path / "c.ini").write_text("")
    (tmp_path / "d.json").mkdir()
    for name, error, message in (
        ("none.yaml", NotFoundError, "there is no configuration file"),
        ("c.json", BadValueError, "is no JSON"),
        ("l.json", BadValueError, "holds a list, not keys and values"),
        ("c.ini", BadValueError, "must end in .yaml, .yml, .json or .toml"),
        ("d.json", BadValueError, "cannot be read"),
    ):
        with pytest.raises(error, match=message):
            read_config(tmp_path / name)


def test_without_pyyaml_the_error_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "config-defaults.yaml").write_text("a: 1")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(NotSupportedError, match="needs PyYAML"):
        read_defaults(tmp_path)


def test_both_forms_of_yaml_are_read(tmp_path):
    pytest.importorskip("yaml")
    path = tmp_path / "config-defaults.yaml"
    assert read_defaults(tmp_path) == {}
    for text, expected in (
        ("lr: 0.1\nopt: {value: adam}", {"lr": 0.1, "opt": {"value": "adam"}}),
        ("lr: {desc: rate, value: 0.1}\nopt: {value: adam}", {"lr": 0.1, "opt": "adam"}),
        ("wandb_version: 1\nlr: {desc: null, value: 0.1}\nx: 3", {"lr": 0.1, "x": 3}),
        ("", {}),
    ):
        path.write_text(text)
        assert read_defaults(tmp_path) == expected
    path.write_text("a: [")
    with pytest.raises(BadValueError, match="is no YAML"):
        read_defaults(tmp_path)


def test_yaml_is_written_in_a_form_for_people():
    config = {"lr": 1e-05, "opt": {"name": "adam", "betas": [0.9, math.nan]}, "a b": "no", "t": None, "e": {}}
    assert as_yaml(config) == (
        "wandb_version: 1\n"
        "\nlr:\n  value: 1.0e-05\n"
        "\nopt:\n  value:\n    name: adam\n    betas: [0.9, .nan]\n"
        '\n"a b":\n  value: "no"\n'
        "\nt:\n  value: null\n"
        "\ne:\n  value: {}\n"
    )


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
trees = st.recursive(
    leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3), max_leaves=8
)


@given(st.dictionaries(st.text(), trees, max_size=4))
def test_yaml_reads_back_as_it_was_written(tmp_path_factory, config):
    pytest.importorskip("yaml")
    config.pop("wandb_version", None)
    path = tmp_path_factory.getbasetemp() / "config.yaml"
    path.write_text(as_yaml(config), "utf-8", newline="")
    assert read_config(path) == config


names = st.sampled_from(["a", "b", "c.d", "e"])
nested = st.dictionaries(
    names, st.recursive(leaves, lambda x: st.lists(x, max_size=2) | st.dictionaries(names, x, max_size=3)), max_size=3
)


def set_below(held, value):
    held["a"] = value


CHANGES = {
    "update": lambda config, value: config.update(value),
    "assign": lambda config, value: config.__setitem__("a", value),
    "setdefaults": lambda config, value: config.setdefaults(value),
    "delete": lambda config, value: config.pop("a", None),
    "inside": lambda config, value: [set_below(x, value) for x in config.values() if isinstance(x, dict)],
    "clear inside": lambda config, value: [x.clear() for x in config.values() if isinstance(x, dict | list)],
    "append inside": lambda config, value: [x.append(value) for x in config.values() if isinstance(x, list)],
}


@given(nested, st.lists(st.tuples(st.sampled_from(list(CHANGES)), nested), max_size=5))
def test_what_a_config_holds_is_what_its_edits_say(start, changes):
    told = Told()
    live = Config(start, told, allow_val_change=True)
    stored = plain_config(start)
    for name, value in changes:
        CHANGES[name](live, copy.deepcopy(value))
    live.tell_changes()
    for paths_set, paths_unset in told.edits:
        apply_edit(stored, {"set": paths_set, "unset": paths_unset})
    assert repr_sorted(live.as_dict()) == repr_sorted(stored)


def repr_sorted(tree):
    """Text that tells 1, 1.0 and True apart, whatever the order of keys."""
    return repr({k: repr_sorted(v) for k, v in sorted(tree.items())}) if isinstance(tree, dict) else repr(tree)


@given(nested, nested)
def test_one_configuration_over_another_keeps_every_value_of_both(below, above):
    below, above = plain_config(below), plain_config(above)
    both = merged(below, above)
    assert merged(both, above) == merged(below, above) == both
    assert {keys: value for keys, value in leaves_of(both) if keys in dict(leaves_of(above))} == dict(leaves_of(above))
    for keys, value in leaves_of(below):
        if not any(keys[: len(other)] == other[: len(keys)] for other, _ in leaves_of(above)):
            assert dict(leaves_of(both))[keys] == value
