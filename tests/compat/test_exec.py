"""`runlake exec`: the program is itself, and whatever Python it starts finds runlake's `wandb` first."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runlake.compat.finder import COMMAND_FOLDER, PACKAGE_FOLDER, WANDB_VERSION
from runlake.compat.launch import child_environment, find_command, run_and_wait
from runlake.errors import BadValueError

START = [sys.executable, "-c", "import sys; from runlake.compat.launch import launch; sys.exit(launch(sys.argv[1:]))"]
ORIGIN = str(PACKAGE_FOLDER / "wandb" / "__init__.py")
WHERE = "import importlib.util; print(importlib.util.find_spec('wandb').origin)"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder; a path that named this checkout from the old one still does."""
    path = [str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, code):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return path


def run(*arguments, **options):
    return subprocess.run([*START, *map(str, arguments)], capture_output=True, text=True, **options)


def lines_of(*arguments, **options):
    done = run(*arguments, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


# The program is itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [[], ["--"]])
def test_a_script_is_main_and_gets_its_arguments_untouched(folder, before):
    script = write(folder / "job" / "train.py", "import sys; print(__name__, __file__, sys.path[0], *sys.argv)")
    line = f"__main__ {script} {script.parent} {script} --lr 0.1 -m x -- --help"
    assert lines_of(*before, script, "--lr", "0.1", "-m", "x", "--", "--help") == [line]


def test_a_module_runs_with_its_arguments(folder):
    write(folder / "trainer" / "__init__.py", "")
    main = write(folder / "trainer" / "__main__.py", "import sys; print(__name__, __package__, *sys.argv)")
    assert lines_of("-m", "trainer", "-x", "1") == [f"__main__ trainer {main} -x 1"]


def test_other_options_of_python_are_passed_on():
    assert lines_of("-W", "error", "-c", "import sys; print(sys.warnoptions, sys.argv[1:])", "a") == ["['error'] ['a']"]


def test_a_command_runs_with_its_arguments(folder):
    name = os.path.basename(sys.executable)  # noqa: PTH119
    assert lines_of(name, "-c", "import sys; print(sys.argv[1:])", "a b") == ["['a b']"]


def test_a_file_without_an_ending_is_a_script(folder):
    write(folder / "train", "print('trained')")
    assert lines_of("train") == ["trained"]


def test_input_reaches_the_program():
    assert lines_of("-c", "print(input())", input="hello\n") == ["hello"]


@pytest.mark.parametrize(
    ("code", "exit_code"), [("pass", 0), ("raise SystemExit(7)", 7), ("raise ValueError('no')", 1)]
)
def test_the_exit_code_is_the_programs(code, exit_code):
    assert run("-c", code).returncode == exit_code


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_signal_reaches_the_program_itself_and_its_death_is_seen():
    code = "import signal, time\nprint('ready', flush=True)\nsignal.pause()"
    with subprocess.Popen([*START, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in process.stderr.read()
        assert process.wait() == -signal.SIGINT


# What is imported -----------------------------------------------------------------------------------------


def test_find_spec_names_the_package():
    assert lines_of("-c", WHERE) == [ORIGIN]


@pytest.mark.parametrize("content", [{"__init__.py": "raise ImportError('the stray one')"}, {"run.log": ""}])
@pytest.mark.parametrize("place", ["beside the script", "in the current folder"])
def test_a_stray_folder_called_wandb_does_not_win(folder, content, place):
    scripts = folder / "scripts"
    script = write(scripts / "train.py", WHERE)
    for name, text in content.items():
        write((scripts if place == "beside the script" else folder) / "wandb" / name, text)
    assert lines_of(script) == [ORIGIN]
    assert lines_of("-c", WHERE) == [ORIGIN]


def test_a_stray_file_called_wandb_does_not_win(folder):
    write(folder / "wandb.py", "raise ImportError('the stray one')")
    assert lines_of(write(folder / "train.py", WHERE)) == [ORIGIN]


def test_spawned_workers_find_the_package_and_the_main_module(folder):
    write(folder / "wandb" / "__init__.py", "")
    script = write(
        folder / "train.py",
        """
        import importlib.util
        import multiprocessing

        def work(queue):
            queue.put((__name__, importlib.util.find_spec("wandb").origin))

        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            queue = context.SimpleQueue()
            worker = context.Process(target=work, args=(queue,))
            worker.start()
            print(*queue.get())
            worker.join()
        """,
    )
    assert lines_of(script) == [f"__mp_main__ {ORIGIN}"]


def test_a_script_started_by_the_script_finds_the_package(folder):
    write(folder / "wandb" / "__init__.py", "")
    write(folder / "worker.py", WHERE)
    script = write(
        folder / "train.py",
        "import subprocess, sys; subprocess.run([sys.executable, 'worker.py'], check=True)",
    )
    assert lines_of(script) == [ORIGIN]


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
def test_a_script_started_by_a_shell_script_finds_the_package(folder):
    write(folder / "worker.py", WHERE)
    write(folder / "train.sh", f'exec "{sys.executable}" worker.py')
    assert lines_of("sh", "train.sh") == [ORIGIN]


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
def test_a_shell_script_finds_the_command_wandb(folder):
    write(folder / "wandb" / "__main__.py", "raise SystemExit('the stray one')")
    write(folder / "train.sh", "wandb --version; python -m wandb --version")
    said = f"wandb, version {WANDB_VERSION}"
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    assert lines_of("sh", "train.sh", env=environment) == [said, said]
    assert lines_of("wandb", "--version") == [said]


def test_the_version_can_be_asked_for_by_name_and_is_in_no_listing():
    code = """if True:
        from importlib import metadata
        print(metadata.version("wandb"))
        print([d.metadata["Name"] for d in metadata.distributions() if d.name == "wandb"])
        """
    assert lines_of("-c", code) == [WANDB_VERSION, "[]"]


def test_a_sitecustomize_of_the_environment_still_runs(folder):
    write(folder / "site" / "sitecustomize.py", "GREETING = 'hello'")
    path = os.pathsep.join(filter(None, [str(folder / "site"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    code = f"import sitecustomize; print(sitecustomize.GREETING, sitecustomize.__file__); {WHERE}"
    assert lines_of("-c", code, env=environment) == [f"hello {folder / 'site' / 'sitecustomize.py'}", ORIGIN]


def test_runlake_is_found_although_only_the_starter_knew_where_it_lies(folder):
    source = str(PACKAGE_FOLDER.parents[2])
    code = f"import sys; sys.path.insert(0, {source!r}); from runlake.compat.launch import launch; launch(sys.argv[1:])"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    script = write(folder / "train.py", "import runlake.errors; print(runlake.errors.__file__)")
    done = subprocess.run([sys.executable, "-c", code, script], env=environment, capture_output=True, text=True)
    assert (done.stderr, done.stdout) == ("", f"{PACKAGE_FOLDER.parents[1] / 'errors.py'}\n")


# The pieces -----------------------------------------------------------------------------------------------


def test_package_and_command_are_put_before_the_paths_of_the_environment_and_only_once():
    environment = {"HOME": "/h", "PYTHONPATH": os.pathsep.join(["a", "b"]), "PATH": "/bin"}
    expected = {
        "HOME": "/h",
        "PYTHONPATH": os.pathsep.join([str(PACKAGE_FOLDER), "a", "b"]),
        "PATH": os.pathsep.join([str(COMMAND_FOLDER), "/bin"]),
        "RUNLAKE_EXEC_PYTHON": sys.executable,
    }
    assert child_environment(environment) == expected
    assert child_environment(expected) == expected
    assert child_environment({})["PYTHONPATH"] == str(PACKAGE_FOLDER)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to run"),
        (["--"], "nothing to run"),
        (["absent.py"], r"no script 'absent\.py'"),
        (["no-such-command"], "no command 'no-such-command' .*`runlake exec -m no-such-command"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_starts(folder, arguments, message):
    with pytest.raises(BadValueError, match=message):
        find_command(arguments)


def test_where_a_process_cannot_be_replaced_the_exit_code_is_passed_back():
    assert run_and_wait([sys.executable, "-c", "raise SystemExit(7)"], os.environ) == 7


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_where_a_process_cannot_be_replaced_a_death_by_signal_is_told_as_a_shell_tells_it():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert run_and_wait([sys.executable, "-c", code], os.environ) == 128 + signal.SIGTERM
