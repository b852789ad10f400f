"""What `runlake exec` does: start a program whose `import wandb` is runlake's package.

The program is started anew, with two things in its environment: a folder at the front of ``PYTHONPATH`` that holds
the package `wandb`, and in the same folder a `sitecustomize`, which makes that package win over a folder
``./wandb`` beside the script. Both are inherited, so worker processes, torchrun and shell scripts see the same.
Running the script inside this process instead (with runpy) was not chosen: `__main__`, spawned workers, signals and
memory would all differ from a plain ``python script.py``. Python started with ``-I`` or ``-E`` ignores all of this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from runlake.compat.finder import COMMAND_FOLDER, PACKAGE_FOLDER, UNLESS_INSTALLED
from runlake.errors import BadValueError

SCRIPT_ENDINGS = (".py", ".pyw", ".pyz")
COMMAND_PYTHON = "RUNLAKE_EXEC_PYTHON"
"""The variable that says with which Python the command `wandb` runs."""
SIGNAL_EXIT_CODE = 128
"""A shell reports a program that died of signal n as 128 + n."""


def launch(arguments: list[str]) -> int:
    """Run a script, module or command so that `import wandb` is runlake; answers its exit code.

    `arguments` is what stands after ``runlake exec``: ``[--] script.py args``, ``-m module args`` (and any
    other option of Python, ``-c``, ``-u``, ``-W error``), or a command such as ``torchrun`` with its arguments.
    On POSIX systems the program *replaces* this process, so signals, exit code and process id are its own, and the
    function does not return. Raises `BadValueError` when there is no such script or command.
    """
    command = find_command(arguments)
    environment = child_environment(os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execve(command[0], command, environment)
    return run_and_wait(command, environment)


def find_command(arguments: list[str]) -> list[str]:
    """The arguments of `runlake exec` as a command whose first part is the path of a program."""
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        raise BadValueError(
            "runlake exec got nothing to run; say `runlake exec script.py`, "
            "`runlake exec -m module` or `runlake exec command`"
        )
    program = arguments[0]
    if program.startswith("-"):
        return [_interpreter(), *arguments]
    if program.endswith(SCRIPT_ENDINGS):
        if not Path(program).exists():
            raise BadValueError(f"runlake exec found no script {program!r} (looked from {Path.cwd()})")
        return [_interpreter(), *arguments]
    if found := _find_program(program):
        return [found, *arguments[1:]]
    if Path(program).exists():  # a script without an ending, a folder or an archive with __main__.py
        return [_interpreter(), *arguments]
    raise BadValueError(
        f"runlake exec found no command {program!r} on the PATH and no file of that name in {Path.cwd()}; "
        f"for a module say `runlake exec -m {program}`"
    )


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """A copy of `environment` with the package first on ``PYTHONPATH`` and the command `wandb` first on ``PATH``."""
    return {
        **{name: text for name, text in environment.items() if name != UNLESS_INSTALLED},
        "PYTHONPATH": _with_first(str(PACKAGE_FOLDER), environment.get("PYTHONPATH", "")),
        "PATH": _with_first(str(COMMAND_FOLDER), environment.get("PATH", os.defpath)),
        COMMAND_PYTHON: _interpreter(),
    }


def environment_of_agents(environment: Mapping[str, str]) -> dict[str, str]:
    """A copy for the commands of an agent: the same package, but a wandb that is installed for a Python stays."""
    path = environment.get("PYTHONPATH", "")
    if str(PACKAGE_FOLDER) in path.split(os.pathsep):
        return dict(environment)  # the agent runs below `runlake exec`, or is the command of another
    return {**environment, "PYTHONPATH": _with_first(str(PACKAGE_FOLDER), path), UNLESS_INSTALLED: "true"}


def _with_first(folder: str, path: str) -> str:
    return os.pathsep.join([folder, *(part for part in path.split(os.pathsep) if part and part != folder)])


def run_and_wait(command: list[str], environment: Mapping[str, str]) -> int:
    """Run `command` as a child and answer its exit code, for systems that cannot replace a process.

    Ctrl-C reaches the child by itself, as it belongs to the same terminal; this process only waits on.
    """
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                continue
            return code if code >= 0 else SIGNAL_EXIT_CODE - code


def _interpreter() -> str:
    if not sys.executable:
        raise BadValueError("runlake exec cannot tell which Python runs it (sys.executable is empty)")
    return sys.executable


def _find_program(program: str) -> str | None:
    """The path of a command; those of runlake's own virtual environment win, whether it is activated or not."""
    found = shutil.which(program, path=str(COMMAND_FOLDER)) or shutil.which(program)
    if program != "wandb" and sys.prefix != sys.base_prefix:
        return shutil.which(program, path=str(Path(sys.executable).parent)) or found
    return found
