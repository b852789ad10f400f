"""Titles, names, keys, values and files of others: whatever they hold, no verb prints what a terminal obeys."""

import inspect
import io
import json
import re
from contextlib import closing
from pathlib import Path

import pytest

import runlake.cli
from command import app
from runlake import clean_text
from runlake.clean_text import coloured_line, json_text, lines, one_line
from runlake.cli import output
from runlake.cli.app import VERBS
from runlake.model import RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.sweep_model import SweepStart

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x85\x7f\u202egnp\u2066\u2028\u2029\u200f\ufeff\U000e0041\r[/red]"
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b-\u200f\ufeff\U000e0041]")


@pytest.fixture
def hostile(make_run, tmp_path):
    """A run, a sweep and a deleted run of which everything that can be text is hostile."""
    make_run(
        "ann/evil/r1",
        config={f"lr{EVIL}": EVIL, "nested": {EVIL: [EVIL]}},
        files={f"file{EVIL}.txt": b"x", f"folder{EVIL}/y": b"y"},
        rows=[{f"loss{EVIL}": 0.5, "text": EVIL}, {f"loss{EVIL}": 0.25}],
    )
    make_run("ann/evil/r2", config={"a": EVIL})
    make_run("ann/evil/r3")
    with closing(LocalService(tmp_path / "store", default_entity="ann", user="ann")) as service:
        info = {"name": f"name{EVIL}", "notes": EVIL, "tags": [EVIL], "group": EVIL, "job_type": EVIL}
        for run_id in ("r1", "r2", "r3"):
            service.edit_run(RunPath("ann", "evil", run_id), RunEdit(info=info))
        config = {"method": "grid", "metric": {"name": f"m{EVIL}"}, "parameters": {f"p{EVIL}": {"values": [EVIL, 1]}}}
        config |= {"description": EVIL}
        started = service.create_sweep("ann", "evil", SweepStart(config=config, name=EVIL, user=EVIL))
        service.delete_run(RunPath("ann", "evil", "r3"))
    return started.path.sweep_id


def verbs():
    """Every verb that reads a store, as it would be typed."""
    return [
        ("ls",),
        ("ls", "evil"),
        ("ls", "evil", "--sweeps"),
        ("show", "evil/r1"),
        ("show", "ann/evil/sweeps/{sweep}"),
        ("tail", "evil/r1"),
        ("tail", "evil/r1", "--stream", "console"),
        ("diff", "evil/r1", "evil/r2"),
        ("sql", "select * from config"),
        ("segments", "evil"),
        ("check",),
        ("repair", "--dry-run"),
        ("seal", "evil"),
        ("trash",),
        ("gc", "--dry-run"),
        ("settings",),
        ("show", "evil/" + EVIL),
        ("ls", EVIL),
        ("show", "evil/r1", "--keys", EVIL),
        ("pull", "evil/r1", "no" + EVIL),
        ("pull", "evil/r1"),
        ("restore", "evil/r1", "--no-git"),
        ("rm", "evil/r2"),
        ("undelete", "evil/" + EVIL),
    ]


@pytest.mark.parametrize("as_json", [False, True])
def test_no_verb_prints_what_a_terminal_obeys(runlake, hostile, as_json):
    for verb in verbs():
        typed = [word.format(sweep=hostile) if word.startswith("ann/") else word for word in verb]
        takes_json = "as_json" in inspect.signature(callback_of(typed[0])).parameters
        if as_json and not takes_json:
            continue
        ended = runlake(*typed, *(["--json"] if as_json else []))
        assert ended.code in (0, 1, 2, 3, 5), (typed, ended)
        assert OBEYED.search(ended.out + ended.err) is None, (typed, ended)
        if as_json and ended.code == 0 and typed[0] != "tail":
            assert json.loads(ended.out) is not None


def callback_of(verb):
    return next(each.callback for each in app.registered_commands if each.name == verb)


def test_every_verb_that_reads_a_store_is_walked():
    elsewhere = {"export", "verify", "view", "merge", "move", "import", "sync", "sweep", "agent", "exec", "ui"}
    elsewhere |= {"serve", "mcp", "login", "logout"}
    assert VERBS.keys() == {verb[0] for verb in verbs()} | elsewhere


def test_json_says_the_same_with_what_is_obeyed_spelt_out(runlake, hostile):
    ended = runlake("show", "evil/r1", "--json")
    shown = json.loads(ended.out)
    assert (shown["name"], shown["notes"], shown["tags"]) == (f"name{EVIL}", EVIL, [EVIL])
    assert shown["config"]["nested"] == {EVIL: [EVIL]}


def test_nothing_prints_but_the_one_printer():
    """A new way to the terminal would not be cleaned."""
    found = [
        file.name
        for file in Path(runlake.cli.__file__).parent.glob("*.py")
        if file.name not in ("output.py", "app.py", "main.py", "serving.py")
        and re.search(r"(?<![.\w])(?<!def )print\(|sys\.std(out|err)\.write|typer\.echo|click\.echo", file.read_text())
    ]
    assert found == []


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def open_terminal(monkeypatch):
    """What is printed from now on, as on a terminal."""
    shown = Terminal()
    monkeypatch.setattr("sys.stdout", shown)
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setenv("COLUMNS", "60")
    return shown


def test_tables_headings_questions_and_bars_are_cleaned_on_a_terminal(monkeypatch):
    terminal = open_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    output.print_table(("A", EVIL), [("1", EVIL)])
    output.print_heading(EVIL)
    output.print_values(EVIL, {EVIL: EVIL})
    output.print_error(EVIL)
    output.print_traceback(ValueError(EVIL))
    output.ask(EVIL)
    output.binary_stdout().write(f"a,{EVIL}\r\n".encode())
    assert OBEYED.search(terminal.getvalue()) is None


def test_a_name_with_markup_in_it_breaks_no_bar(monkeypatch):
    terminal = open_terminal(monkeypatch)
    with output.progress("pull [/red] x") as report:
        report(1, 2)
    assert "pull [/red] x" in terminal.getvalue()


def test_the_console_of_a_run_keeps_its_colours_on_a_terminal_and_nothing_else(monkeypatch):
    terminal = open_terminal(monkeypatch)
    monkeypatch.delenv("NO_COLOR", raising=False)
    output.print_console_line("\x1b[31mred\x1b[0m \x1b[2Jgone \x1b]0;t\x07")
    monkeypatch.setenv("NO_COLOR", "1")
    output.print_console_line("\x1b[31mred")
    assert terminal.getvalue() == ("\x1b[31mred\x1b[0m \\x1b[2Jgone \\x1b]0;t\\x07\x1b[0m\n" + "red\n")


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("plain", 9, "plain"),
        ("\x1b[1mbold", 9, "\x1b[1mbold\x1b[0m"),
        ("\x1b[1mbold and long", 6, "\x1b[1mbold …\x1b[0m"),
        ("ab\x1b[1mcdef", 4, "ab\x1b[1mc…\x1b[0m"),
        ("\x1b[1A up", 20, "\\x1b[1A up"),
    ],
)
def test_a_coloured_line_is_cut_by_what_is_seen(text, width, shown):
    assert coloured_line(text, width) == shown


def test_what_is_spelt_out_and_what_is_not():
    assert one_line("naïve – 日本 e\u0301 🙂") == "naïve – 日本 e\u0301 🙂"
    assert one_line("a\tb\x1b\x9b\u202e\u2028\ufeff") == "a\\tb\\x1b\\x9b\\u202e\\u2028\\ufeff"
    assert lines("a\x1b\nb") == "a\\x1b\nb"


@pytest.mark.parametrize("text", [EVIL, "plain", "\x85", "\U000e0041", "ü"])
def test_json_with_escapes_is_the_same_document(text):
    document = {text: [text, {"a": text}]}
    cleaned = json_text(json.dumps(document, indent=2, ensure_ascii=False))
    assert json.loads(cleaned) == document
    assert OBEYED.search(cleaned) is None


def test_clean_text_needs_no_import_of_its_own():
    assert [name for name, each in vars(clean_text).items() if inspect.ismodule(each)] == ["re"]
