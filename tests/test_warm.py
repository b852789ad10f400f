"""A warm process does what a cold one does, and is a child of who asked like that."""

import os
import signal
import subprocess
import sys

import pytest

import warm

SAY = "import os, sys; print(sys.argv, sys.path[0], os.getcwd(), os.environ.get('SAID'), __name__, sys.warnoptions)"
PROGRAMS = {
    "a line": ["-c", SAY, "one", "two words"],
    "a file": ["said.py", "-x"],
    "a module": ["-m", "said", "-x"],
    "what it reads": ["-c", "import sys; sys.stdout.write(sys.stdin.read().upper())"],
    "an exit code": ["-c", "raise SystemExit(7)"],
    "an exit with a word": ["-c", "raise SystemExit('no')"],
    "a warning as an error": ["-W", "error", "-c", "import warnings\nwarnings.warn('careful')"],
    "an error deep inside": ["said.py", "fail"],
    "the order of its end": [
        "-c",
        "import atexit, threading, time\natexit.register(print, 'last')\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\nprint('main')",
    ],
    "no end at all": ["-c", "import os; print('lost'); os._exit(3)"],
    "a signal": ["-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"],
    "an interrupt": ["-c", "raise KeyboardInterrupt"],
    "a start of its own": [
        "-c",
        "import os; print(os.getsid(0) == os.getpid(), os.getppid() == int(os.environ['ASKS']))",
    ],
    "spawned workers": [
        "-c",
        "import multiprocessing, said\nif __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(said.double, [1, 2]))",
    ],
}
SAID = f"{SAY}\ndef double(x): return 2 * x\nif sys.argv[1:] == ['fail']:\n    def inner(): 1 / 0\n    inner()\n"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_warm_process_does_what_a_cold_one_does(tmp_path, name):
    (tmp_path / "said.py").write_text(SAID)
    ended = []
    for popen in (warm.Popen, subprocess.Popen):
        process = popen(
            [sys.executable, *PROGRAMS[name]],
            cwd=tmp_path,
            env={**os.environ, "SAID": "héllo", "ASKS": str(os.getpid())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        out, err = process.communicate("some text")
        ended.append((process.returncode, out, err))
    assert ended[0] == ended[1]


def test_a_warm_process_that_waits_is_found_waiting_and_can_be_killed():
    command = [sys.executable, "-c", "print('ready', flush=True)\nimport signal\nsignal.pause()"]
    with warm.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        assert process.poll() is None
        process.kill()
        assert process.wait() == -signal.SIGKILL


def test_it_has_the_packages_of_others_and_none_of_ours():
    code = "import sys; print('pandas' in sys.modules, [name for name in sys.modules if name.startswith('runlake')])"
    done = warm.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ("True []\n" if warm.is_used() else "False []\n")
