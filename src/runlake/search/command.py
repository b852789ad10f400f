"""The command of a sweep: from words with ``${…}`` in them to what an agent starts.

::

    ${env}                    /usr/bin/env; nothing on Windows
    ${interpreter}            the Python interpreter
    ${program}                the program that the configuration names
    ${args}                   --lr=0.1 --net={'depth': 3}
    ${args_no_boolean_flags}  the same, a true boolean as --flag, a false one not at all
    ${args_no_hyphens}        lr=0.1
    ${args_no_equals}         --lr 0.1
    ${args_append_hydra}      +lr=0.1 +net.depth=3, in hydra's grammar
    ${args_override_hydra}    ++lr=0.1 ++net.depth=3, the same
    ${args_json}              {"lr": 0.1, "net": {"depth": 3}}
    ${args_json_file}         the path of a file that holds `arguments_json`
    ${envvar:NAME}            an environment variable; may also be a part of a word
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from runlake.errors import SweepConfigError
from runlake.near import near_names
from runlake.search.hydra import overrides

DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")
"""What is started when a configuration names no command; the same as W&B's."""

MACROS = (
    "env",
    "interpreter",
    "program",
    "args",
    "args_no_boolean_flags",
    "args_no_hyphens",
    "args_no_equals",
    "args_append_hydra",
    "args_override_hydra",
    "args_json",
    "args_json_file",
)
_HYDRA = {"args_append_hydra": "+", "args_override_hydra": "++"}
_MACRO = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE = re.compile(r"\$\{envvar:([A-Za-z0-9_]+)\}")


def expand_command(
    template: Sequence[str] | None,
    *,
    program: str | None,
    params: Mapping[str, Any],
    interpreter: str = "python",
    environment: Mapping[str, str] | None = None,
    args_json_file: str | None = None,
    is_windows: bool = False,
) -> list[str]:
    """The words of the command for these parameters; no template means `DEFAULT_COMMAND`.

    `environment` is what ``${envvar:NAME}`` reads; `args_json_file` the path of a file that the caller writes.
    Values stand in arguments as Python prints them, as with W&B, and in those for hydra as hydra reads them. Raises
    `SweepConfigError` for a macro that is unknown, or for which something is missing.
    """
    parts = _argument_forms(params) | {
        "env": [] if is_windows else ["/usr/bin/env"],
        "interpreter": [interpreter],
        "args_json": [arguments_json(params)],
    }
    if program is not None:
        parts["program"] = [program]
    if args_json_file is not None:
        parts["args_json_file"] = [args_json_file]
    words: list[str] = []
    for index, word in enumerate(template or DEFAULT_COMMAND):
        if problem := macro_problem(word):
            raise SweepConfigError(f"command.{index}: {problem}")
        macro = _MACRO.fullmatch(word)
        if macro is None or macro[1].startswith("envvar:"):
            words.append(_with_variables(word, environment or {}, f"command.{index}"))
        elif macro[1] in _HYDRA:
            words += [f"{_HYDRA[macro[1]]}{pair}" for pair in overrides(params)]
        elif macro[1] in parts:
            words += parts[macro[1]]
        elif macro[1] == "program":
            raise SweepConfigError(f"command.{index}: {word} has no meaning here: the sweep names no program")
        else:
            raise SweepConfigError(f"command.{index}: {word} cannot be used here: there is no such file")
    return words


def arguments_json(params: Mapping[str, Any]) -> str:
    """The parameters as the JSON text that ``${args_json}`` stands for, and the file of ``${args_json_file}`` holds."""
    return json.dumps(dict(params))


def macro_problem(word: str) -> str | None:
    """What is wrong with the macros of one word of a command, if anything is."""
    for match in _MACRO.finditer(word):
        name = match[1]
        if _VARIABLE.fullmatch(match[0]):
            continue
        if name not in MACROS:
            near = near_names(name, (*MACROS, "envvar:NAME"), 1)
            advice = f"did you mean ${{{near[0]}}}?" if near else "an environment variable is ${envvar:NAME}"
            return f"there is no macro {match[0]}; {advice}"
        if match[0] != word:
            return f"{match[0]} must be a word of its own, found {word!r}"
    return None


def _with_variables(word: str, environment: Mapping[str, str], path: str) -> str:
    for name in _VARIABLE.findall(word):
        if name not in environment:
            raise SweepConfigError(f"{path}: the environment variable {name} is not set where the agent runs")
    return _VARIABLE.sub(lambda match: environment[match[1]], word)


def _argument_forms(params: Mapping[str, Any]) -> dict[str, list[str]]:
    pairs = [f"{name}={value}" for name, value in params.items()]
    with_booleans_as_flags = []
    for name, value in params.items():
        if not isinstance(value, bool):
            with_booleans_as_flags.append(f"--{name}={value}")
        elif value:
            with_booleans_as_flags.append(f"--{name}")
    return {
        "args": [f"--{pair}" for pair in pairs],
        "args_no_boolean_flags": with_booleans_as_flags,
        "args_no_hyphens": pairs,
        "args_no_equals": [word for name, value in params.items() for word in (f"--{name}", str(value))],
    }
