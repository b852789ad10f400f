"""PostgreSQL, an S3 server and `runlake serve` over both, for as long as something is measured: those of the tests."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import CHECKOUT, Bench, BenchmarkError, own_environment
from benchmarks.serving import KEY, server_process
from runlake.server.people.people import open_people

sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "server"), str(CHECKOUT / "tests" / "cluster")]
import seaweed  # noqa: E402
from postgres import PostgresServer, find_programs  # noqa: E402


@contextlib.contextmanager
def postgresql(connection_count: int = 200, *, syncs: bool = True) -> Iterator[PostgresServer]:
    """A server that writes to the disk what it commits; without `syncs` for what is prepared and not measured."""
    programs = find_programs()
    if programs is None:
        raise BenchmarkError("there is no PostgreSQL here")
    server = PostgresServer(programs, "-c", f"max_connections={connection_count}", *(() if syncs else ("-F",)))
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextlib.contextmanager
def serving_cluster(bench: Bench, folder: Path, worker_count: int = 2) -> Iterator[str]:
    """The address of `runlake serve` over a database and a bucket; its admin is ada."""
    if (reason := seaweed.why_not()) is not None:
        raise BenchmarkError(reason)
    with postgresql() as database, seaweed.s3_server() as s3:
        url = database.url_of(database.make_database())
        with contextlib.closing(open_people(folder, url)) as people:
            people.add_user("ada", is_admin=True, key=KEY)
        command = [sys.executable, "-m", "runlake", "serve", "--database", url, "--bucket", s3.new_url()]
        command += ["--cache-dir", str(folder / "cache"), "--port", "0", "--workers", str(worker_count)]
        with server_process(command, own_environment(bench, folder) | s3.environment(), folder) as first_line:
            yield first_line.split()[-1]
