"""Arguments that are no text, as a shell hands on bytes that are no UTF-8: every verb says so, or does not mind."""

import io

import click
import pytest
import typer

from command import app
from runlake.cli.failures import ExitCode

ODD = "\udced\udcff"


def commands(command, path=()):
    if isinstance(command, click.Group) or hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from commands(below, (*path, name))
    else:
        yield path


ALL = sorted(commands(typer.main.get_command(app)))
ENDLESS = {("serve",), ("ui",), ("exec",), ("agent",), ("sync",), ("mcp",)}


@pytest.mark.parametrize("path", [path for path in ALL if path not in ENDLESS], ids=" ".join)
@pytest.mark.parametrize("arguments", [[ODD], pytest.param([f"{ODD}/{ODD}/{ODD}"], marks=pytest.mark.long)])
def test_bytes_that_are_no_text_are_no_mistake_of_ours(path, arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(SystemExit) as ended:
        app(args=[*path, *arguments], prog_name="runlake")
    said = capsys.readouterr()
    assert "Traceback" not in said.err, said.err
    assert ended.value.code != ExitCode.BUG, said.err
