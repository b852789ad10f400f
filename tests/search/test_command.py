"""The command of a sweep, word by word."""

import json
import os

import pytest

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
            ["+lr=0.1", "+opt=adam", "+amp=True", "+log=False", "+net={'depth': 3}", "+none=None"],
        ),
        (
            "${args_override_hydra}",
            ["++lr=0.1", "++opt=adam", "++amp=True", "++log=False", "++net={'depth': 3}", "++none=None"],
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
