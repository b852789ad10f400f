import os
import subprocess
import sys

import pytest

from runlake.store.process_id import is_gone, own_process_id

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

SAY_MARK = "from runlake.store.process_id import own_process_id; print(own_process_id(), flush=True); input()"


def test_a_process_is_gone_when_it_has_ended():
    with subprocess.Popen(
        [sys.executable, "-c", SAY_MARK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        mark = process.stdout.readline().strip()
        assert not is_gone(mark)
        process.kill()
        process.wait()
    assert is_gone(mark)


def test_a_process_that_ended_and_was_not_waited_for_is_gone():
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(write, own_process_id().encode())
        os._exit(0)
    mark = os.read(read, 1000).decode()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(mark)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)


def test_an_id_that_was_used_again_is_another_process():
    machine_and_id, _, _ = own_process_id().rpartition("/")
    assert is_gone(f"{machine_and_id}/1")


@pytest.mark.parametrize("mark", [None, "", "elsewhere/1/2", "elsewhere", "///", "a/b/c"])
def test_of_another_machine_nothing_is_known(mark):
    assert not is_gone(mark)
