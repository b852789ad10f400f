"""Every kind of actor at one store, killed, stopped and refused by chance; in the end all that was acknowledged is
there.

``RUNLAKE_SOAK_S`` says how many seconds the long one takes, ``RUNLAKE_SOAK_SEED`` repeats the chance of an earlier one.
"""

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from quiet import without_settings

HERE = Path(__file__).parent
SOURCE = HERE.parent.parent / "src"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fork, and signals as Linux has them")


def soak(seconds, *, stale_s=0.0, has_locks=True):
    """Run one; store and ledgers stay in a folder of their own when it fails."""
    seed = int(os.environ.get("RUNLAKE_SOAK_SEED") or random.randrange(10**6))
    memory = Path("/dev/shm")  # what happens between processes is wanted here, not the speed of a disk
    folder = Path(tempfile.mkdtemp(prefix=f"runlake-soak-{seed}-", dir=memory if memory.is_dir() else None))
    paths = [str(SOURCE)] if has_locks else [str(HERE / "no_locks"), str(SOURCE)]
    done = subprocess.run(
        [sys.executable, str(HERE / "conductor.py"), str(folder), str(seconds), str(seed), str(stale_s)],
        env={**without_settings(), "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        check=False,
    )
    said = f"seed {seed}, store and ledgers in {folder}:\n{done.stdout}"
    print(said)
    assert done.returncode == 0, said
    subprocess.run(["rm", "-rf", folder], check=True)
    return done.stdout


@pytest.mark.long
def test_a_short_soak_loses_doubles_and_revives_nothing():
    soak(3)


@pytest.mark.long
def test_a_short_soak_without_locks_and_with_stale_attributes():
    soak(3, has_locks=False, stale_s=0.3)


@pytest.mark.long
@pytest.mark.parametrize("network", [False, True], ids=["disk", "network"])
def test_a_long_soak(network):
    seconds = float(os.environ.get("RUNLAKE_SOAK_S", "120")) / 2
    soak(seconds, has_locks=not network, stale_s=0.3 if network else 0.0)
