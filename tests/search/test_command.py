"""The command of a sweep, word by word."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import SweepConfigError
from runlake.search.command import arguments_json, expand_command

PARAMS = {"lr": 0.1, "opt": "adam", "amp": True, "log": False, "net": {"depth": 3}, "none": None}


def words(*template, **keys):
    return expand_command(template, **{"program": "train.py", "params": PARAMS, **keys})


def test_the_default_command_is_that_of_w_and_b():
    assert expand_command(None, program="train.py", params={"lr": 0.1, "n": 3}) == [
        "/usr/bin/env", "python", "train.py", "--lr=0.1", "--n=3",
    ]  # fmt: skip


def test_windows_has_no_env():
    assert words("${env}", "${interpreter}", is_windows=True) == ["python"]


@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("${args}", ["--lr=0.1", "--opt=adam", "--amp=True", "--log=False", "--net={'depth': 3}", "--none=None"]),
        ("${args_no_boolean_flags}", ["--lr=0.1", "--opt=adam", "--amp", "--net={'depth': 3}", "--none=None"]),
        ("${args_no_hyphens}", ["lr=0.1", "opt=adam", "amp=True", "log=False", "net={'depth': 3}", "none=None"]),
        (
            "${args_append_hydra}",
            ["+lr=0.1", "+opt=adam", "+amp=True", "+log=False", "+net.depth=3", "+none=null"],
        ),
        (
            "${args_override_hydra}",
            ["++lr=0.1", "++opt=adam", "++amp=True", "++log=False", "++net.depth=3", "++none=null"],
        ),
        (
            "${args_no_equals}",
            [
                "--lr",
                "0.1",
                "--opt",
                "adam",
                "--amp",
                "True",
                "--log",
                "False",
                "--net",
                "{'depth': 3}",
                "--none",
                "None",
            ],
        ),
        ("${program}", ["train.py"]),
        ("${interpreter}", ["python"]),
    ],
)
def test_each_macro_is_what_w_and_b_makes_of_it(macro, expected):
    assert words("x", macro, "y") == ["x", *expected, "y"]


def test_arguments_for_hydra_are_in_its_grammar():
    params = {
        "a": {"b": {"c": 1e-05}, "d": {}},
        "text": "1e-3",
        "texts": ["adam", "null", "True", "x,y", "it's", "", "C:\\dir\\"],
        "numbers": [1, -0.5, float("inf"), None, False, [{"k": "v"}]],
        "data.path": "data/train-1.csv",
    }
    assert words("${args_override_hydra}", params=params) == [
        "++a.b.c=1e-05",
        "++a.d={}",
        "++text='1e-3'",
        r"++texts=[adam,'null','True','x,y','it\'s','','C:\dir\\']",
        "++numbers=[1,-0.5,inf,null,False,[{k:v}]]",
        "++data.path=data/train-1.csv",
    ]
    with pytest.raises(SweepConfigError, match=r"parameters\.a\.b c: hydra has no such name"):
        words("${args_append_hydra}", params={"a": {"b c": 1}})
    with pytest.raises(SweepConfigError, match="hydra takes no key '1' for a dict inside a list"):
        words("${args_append_hydra}", params={"a": [{"1": 1}]})


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name.lower() not in ("true", "false", "null", "nan", "inf")
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(
    [
        "null",
        "NaN",
        "1e-3",
        "1_000",
        "0x10",
        "a b",
        " a",
        "a=b",
        "[1]",
        "{a:1}",
        "\\'",
        "'",
        '"',
        "\\",
        "choice(1,2)",
        "~x",
    ]
)
hydra_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(names, x, max_size=3),
    max_leaves=6,
)


@pytest.mark.integration
@given(st.dictionaries(names, hydra_values, max_size=3))
def test_hydra_reads_the_values_that_the_sweep_chose(params):
    parser = pytest.importorskip("hydra.core.override_parser.overrides_parser").OverridesParser.create()
    read = {}
    for override in parser.parse_overrides(words("${args_override_hydra}", params=params)):
        *above, last = override.key_or_group.split(".")
        place = read
        for key in above:
            place = place.setdefault(key, {})
        place[last] = plain(override.value())
    assert repr(read) == repr(params)


def plain(value):
    """What hydra read, without the marks of quotes that it keeps inside lists."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return getattr(value, "text", value)


def test_json_arguments_are_one_word():
    (word,) = words("${args_json}")
    assert json.loads(word) == PARAMS
    assert word == arguments_json(PARAMS)


def test_the_file_of_json_arguments_is_named():
    assert words("--config", "${args_json_file}", args_json_file="/tmp/a b.json") == ["--config", "/tmp/a b.json"]


def test_variables_of_the_environment_may_be_a_part_of_a_word():
    environment = {"HOME": "/h", "N": "${args}"}
    assert words("${envvar:HOME}", "--at=${envvar:HOME}/${envvar:HOME}", "${envvar:N}", environment=environment) == [
        "/h", "--at=/h//h", "${args}",
    ]  # fmt: skip


def test_another_interpreter_and_words_as_they_are():
    assert words("${interpreter}", "-m", "pkg", "$HOME", "a b", interpreter="/opt/python") == [
        "/opt/python", "-m", "pkg", "$HOME", "a b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("template", "keys", "problem"),
    [
        (("a", "${envvar:NOT_SET}"), {}, "command.1: the environment variable NOT_SET is not set where the agent runs"),
        (("${agrs}",), {}, "command.0: there is no macro ${agrs}; did you mean ${args}?"),
        (("--x=${args}",), {}, "command.0: ${args} must be a word of its own, found '--x=${args}'"),
        (("${program}",), {"program": None}, "command.0: ${program} has no meaning here: the sweep names no program"),
        (("${args_json_file}",), {}, "command.0: ${args_json_file} cannot be used here: there is no such file"),
    ],
)
def test_what_cannot_be_expanded_is_refused(template, keys, problem):
    with pytest.raises(SweepConfigError) as caught:
        words(*template, **keys)
    assert str(caught.value) == problem


def test_nothing_is_taken_from_the_environment_of_this_process():
    assert "PATH" in os.environ
    with pytest.raises(SweepConfigError, match="PATH is not set"):
        words("${envvar:PATH}")
