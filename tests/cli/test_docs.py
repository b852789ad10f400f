"""The page about the command line names every verb, option, exit code and format there is."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from typer.main import get_command

from command import app
from runlake.cli.export import SUFFIXES, Format, Shape, StreamName
from runlake.cli.failures import MEANINGS

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "command-line.md").read_text("utf-8")
GROUP = get_command(app)


def leaves():
    """Every command by what is typed: ``ls``, ``user add``."""
    for name, command in GROUP.commands.items():
        for further, leaf in getattr(command, "commands", {"": command}).items():
            yield f"{name} {further}".rstrip(), leaf


LEAVES = dict(leaves())


def leaf_of(words):
    """What of a command line is the command."""
    return next(name for name in (" ".join(words[:2]), words[0]) if name in LEAVES)


def section(verb):
    found = re.search(rf"^## {verb}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/guide/command-line.md has no section ## {verb}"
    return found[1]


def spellings(command):
    """The options of a command, those of its own commands included."""
    for leaf in getattr(command, "commands", {}).values():
        yield from spellings(leaf)
    yield from own_spellings(command)


def own_spellings(command):
    for parameter in command.params:
        if parameter.param_type_name == "option":
            yield from (spelling for spelling in parameter.opts if spelling not in ("--help", "-h"))


def test_the_page_has_a_section_for_every_verb_in_the_order_of_the_help():
    assert re.findall(r"^## (\w+)$", PAGE, re.MULTILINE) == list(GROUP.commands)


def test_every_verb_has_a_line_at_the_top_of_the_page():
    summary = PAGE.split("```")[1]
    assert {line.split()[1] for line in summary.strip().splitlines()} == set(GROUP.commands)


@pytest.mark.parametrize("verb", list(GROUP.commands))
def test_every_option_is_named_in_its_section(verb):
    text = section(verb)
    assert [s for s in spellings(GROUP.commands[verb]) if not re.search(rf"`{s}[ `]", text)] == []


def test_every_option_before_the_verb_is_named():
    assert [s for s in own_spellings(GROUP) if f"runlake {s}" not in PAGE] == []


def test_no_section_names_an_option_that_is_not_there():
    for verb, command in GROUP.commands.items():
        known = {*spellings(command), *own_spellings(GROUP), "--help", "-h"}
        assert set(re.findall(r"^- `(--?[a-z-]+)", section(verb), re.MULTILINE)) <= known, verb


def test_every_verb_and_option_has_a_help_text():
    for command in (GROUP, *GROUP.commands.values(), *LEAVES.values()):
        assert command.help
        assert [p.name for p in command.params if not getattr(p, "help", None)] == []


def test_the_table_of_exit_codes_is_the_one_in_the_code():
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(str(int(code)), meaning) for code, meaning in MEANINGS.items()]


def test_every_format_suffix_and_stream_is_named():
    text = section("export")
    words = [*SUFFIXES, *Format, *Shape, *StreamName]
    assert [word for word in words if f"`{word}`" not in text] == []


SWEEP = {"method": "grid", "metric": {"name": "loss"}, "parameters": {"lr": {"values": [1, 2]}}}
ALERTS = [{"title": "a", "text": "b", "level": "INFO", "timestamp": 1.0}]


THEIRS = ("runs", "aliases", "config", "summary", "system_metrics", "teams", "members", "params", "run_states")


def among_people(runlake, arguments):
    """The arguments, about ann, her key and her team, which are there now."""
    key_id = json.loads(runlake("user", "add", "ann", "--json").out)["key_id"]
    runlake("team", "add", "vision", "--member", "ann:admin")
    runlake("project", "share", "ann/letters", "--access", "write")
    return [key_id if argument == "KEY ID" else argument for argument in arguments]


def keys_of(document):
    """The keys of a document and of what is in it; what a user logged is not ours."""
    if isinstance(document, list):
        return set().union(*map(keys_of, document))
    if isinstance(document, dict):
        ours = (value for key, value in document.items() if key not in THEIRS)
        return set(document).union(*map(keys_of, ours))
    return set()


@pytest.mark.parametrize(
    ("arguments", "sections"),
    [
        (["ls"], ["ls"]),
        (["ls", "mnist"], ["ls"]),
        (["ls", "--sweeps"], ["ls"]),
        (["ls", "--artifacts"], ["ls"]),
        (["show", "mnist/a1"], ["ls", "show"]),
        (["show", "mnist/s1"], ["ls", "show"]),
        (["show", "mnist/data:v0"], ["show"]),
        (["tail", "mnist/a1"], ["tail"]),
        (["diff", "mnist/a1", "mnist/b2"], ["diff"]),
        (["sql", "SELECT * FROM runs"], ["sql"]),
        (["segments", "mnist"], ["segments"]),
        (["check", "mnist"], ["check"]),
        (["merge", "copy"], ["merge"]),
        (["import", "table.csv"], ["import"]),
        (["repair", "mnist"], ["repair"]),
        (["gc", "--older-than", "0s", "--dry-run"], ["gc"]),
        (["trash"], ["trash"]),
        (["sweep", "sweep.json"], ["sweep"]),
        (["settings"], ["settings"]),
        (["artifact", "put", "table.csv"], ["show"]),
        (["artifact", "get", "mnist/data:v0"], ["show", "artifact"]),
        (["artifact", "ls"], ["ls", "artifact"]),
        (["artifact", "ls", "ann/mnist/data"], ["show", "artifact"]),
        (["verify", "out"], ["verify"]),
        (["user", "add", "bob"], ["user"]),
        (["user", "rm", "ann"], ["user"]),
        (["user", "list"], ["user"]),
        (["key", "create", "ann"], ["user", "key"]),
        (["key", "revoke", "KEY ID"], ["key"]),
        (["key", "list"], ["key"]),
        (["team", "add", "audio"], ["team"]),
        (["team", "join", "vision", "ann"], ["team"]),
        (["team", "leave", "vision", "ann"], ["team"]),
        (["team", "rm", "vision"], ["team"]),
        (["team", "list"], ["team"]),
        (["project", "share", "ann/mnist", "--access", "read"], ["project"]),
        (["project", "list"], ["project"]),
        (["logout", "http://localhost:8080"], ["login", "logout"]),
    ],
)
def test_every_key_of_the_json_is_named(runlake, make_run, make_sweep, damage, arguments, sections):
    make_run(
        "ann/mnist/a1", config={"lr": 1}, rows=[{"loss": 1.0}], events=[{"cpu": 1.0}], files={"a": b"a"}, alerts=ALERTS
    )
    path = make_run("ann/mnist/b2", config={"lr": 2}, rows=[{"loss": float(i)} for i in range(100)])
    Path("table.csv").write_text("loss\n0.5\n")
    if {"--sweeps", "mnist/s1", "merge"} & set(arguments):
        make_sweep("ann/mnist/s1", SWEEP, agent_hosts=["gpu1"])
        for number in (1, 2):
            make_run(f"ann/mnist/s1-{number}", config={"lr": number}, rows=[{"loss": number}], sweep="s1")
    if arguments[0] in ("check", "repair"):
        damage(path)
    shutil.copytree(os.environ["RUNLAKE_DIR"], "copy")
    Path("sweep.json").write_text('{"method": "random", "parameters": {"lr": {"max": 1.0, "min": 0.0}}}')
    if arguments[0] == "repair":
        arguments = [*arguments, "--dry-run"]
    if arguments[0] == "verify":
        runlake("export", "mnist", "-o", "out/")
        Path("out/runs.parquet").unlink()
    if arguments[0] in ("gc", "trash"):
        runlake("rm", "mnist/a1", "--yes")
    if "artifact" in leaf_of(arguments) or {"--artifacts", "mnist/data:v0"} & set(arguments):
        runlake("artifact", "put", "table.csv", "--name", "ann/mnist/data")
    elif " " in leaf_of(arguments):
        arguments = among_people(runlake, arguments)
    keys = keys_of(json.loads(runlake(*arguments, "--json").out))
    named = "".join(map(section, sections))
    assert keys
    assert {key for key in keys if not re.search(rf'[`"]{key}[`"]', named)} == set()


def test_every_verb_with_json_is_in_the_test_above():
    with_json = {name for name, command in LEAVES.items() if "--json" in spellings(command)}
    arguments = test_every_key_of_the_json_is_named.pytestmark[0].args[1]
    # The keys of login are those of logout, and `user`; for sync and move see their own tests.
    needs_a_server = {"login", "sync", "move"}
    assert with_json - needs_a_server == {leaf_of(words) for words, _ in arguments}
