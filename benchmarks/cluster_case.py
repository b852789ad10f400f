"""The work of the benchmarks of a store on PostgreSQL; each case is a process of its own."""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from benchmarks.cluster_serving import postgresql
from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.cluster.names import Names
from runlake.store.cluster.served import PostgresServed
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.memory import MemoryJournal
from runlake.store.journal.served import Served
from runlake.store.journal.writer import JournalWriter

ROUNDS = 3
PART = PartName("w", 0)

Append = Callable[[int], None]


def append(client_count: int, append_count: int, row_count: int, key_count: int) -> dict[str, Any]:
    """Milliseconds of an append and of a bare commit, on the average and of 99 of 100, while all clients are at it.

    Appends in one step, as most are, and in a turn of the writer, as those that say more than rows. By turns, so that
    all meet the same disk and the same neighbours; the answers are those of the middle round.
    """
    with postgresql(client_count * 2 + 20) as server:
        url = server.url_of(server.make_database())
        data = bytes_of_rows(row_count, key_count)
        database = Database(url, connection_count=client_count)
        database.migrate()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table bare (n bigint generated always as identity primary key, data bytea)")
            connection.execute("alter table bare alter column data set storage external")
        found: dict[str, list[float]] = {}
        for number in range(ROUNDS):
            for name, make in {
                "bare": lambda _: bare_of(url, data),
                "append": lambda k, n=number: append_of(database, f"{n}-{k}", data),
                "turn": lambda k, n=number: turn_of(database, f"{n}-{k}-turn", data),
            }.items():
                seconds = at_once(client_count, append_count, make)
                found.setdefault(f"{name}_ms", []).append(1e3 * statistics.fmean(seconds))
                found.setdefault(f"{name}_p99_ms", []).append(1e3 * statistics.quantiles(seconds, n=100)[-1])
        database.close()
    return {name: statistics.median(values) for name, values in found.items()} | {"bytes": len(data)}


def bytes_of_rows(row_count: int, key_count: int) -> bytes:
    """The frames of some rows, as a process writes them."""
    journal = MemoryJournal()
    writer = JournalWriter(journal, PART.writer, {})
    for number in range(row_count):
        values = {f"metric_{key}": number / (key + 1.1) for key in range(key_count)}
        writer.log(values, step=number, timestamp=1.7e9 + number, runtime=float(number))
    return journal.read(PART)


def bare_of(url: str, data: bytes) -> Append:
    """A connection that inserts them and commits."""
    connection = psycopg.connect(url, autocommit=True)

    def insert(number: int) -> None:
        connection.execute("insert into bare (data) values (%b)", (data,))

    return insert


def append_of(database: Database, name: str, data: bytes) -> Append:
    """A writer of a run of its own, which is served as a replica does it: in one step behind the end that it knows."""
    served = served_run(database, RunPath("ann", "p", name))

    def append(number: int) -> None:
        if served.append_at_once(PART, data, number * len(data)) is None:
            raise SystemExit("nothing was appended")

    return append


def turn_of(database: Database, name: str, data: bytes) -> Append:
    """The same in a turn, which asks for the end."""
    path = RunPath("ann", "p", name)
    served = served_run(database, path)

    def take_turn(number: int) -> None:
        with served.turn(PART.writer):
            journal = PostgresJournal(database, path)
            journal.bind()
            journal.append(PART, data, journal.size_bytes(PART))

    return take_turn


def served_run(database: Database, path: RunPath) -> PostgresServed:
    """The writers of a new run, one of whom is served."""
    names = Names(database)
    names.make_run(path)
    names.claim_incarnation(path, "i1")
    served = PostgresServed(database, path)
    served.mark(PART.writer, Served(header=PartHeader({})))
    PostgresJournal(database, path).create_part(PART)
    return served


def at_once(client_count: int, append_count: int, make: Callable[[int], Append]) -> list[float]:
    """Seconds of every append of every client; the first of each is not counted."""
    start, taken = threading.Barrier(client_count), []

    def work(append: Append) -> None:
        append(0)
        start.wait()
        mine = []
        for number in range(1, append_count + 1):
            begin_s = time.perf_counter()
            append(number)
            mine.append(time.perf_counter() - begin_s)
        taken.extend(mine)

    threads = [threading.Thread(target=work, args=(make(number),)) for number in range(client_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


if __name__ == "__main__":
    case, *numbers = sys.argv[1:]
    print(json.dumps({"append": append}[case](*map(int, numbers))))
