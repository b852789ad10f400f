"""A replica as a process that can be killed: it answers the verbs over a socket of this machine.

``python replica_process.py SOCKET DATABASE BUCKET CACHE_DIR``
"""

import sys
import threading
import time
from multiprocessing.connection import Client, Listener
from pathlib import Path

from runlake.service.cluster.collector import Collector
from runlake.service.cluster.sealer import Sealer
from runlake.service.cluster.service import ClusterService
from runlake.service.local.limits import LocalLimits
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.leases import PostgresLeases
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits

KEY = b"replica"


class FailedError(Exception):
    """What a replica raised, by its name; or it was not there."""


def ask(address, verb, *arguments, **options):
    """What a replica answers. FailedError when it does not, for whatever reason."""
    try:
        with Client(str(address), "AF_UNIX", authkey=KEY) as connection:
            connection.send((verb, arguments, options))
            is_answer, found = connection.recv()
    except (OSError, EOFError, ValueError) as error:
        raise FailedError(type(error).__name__, str(error)) from None
    except Exception as error:  # killed in the midst of the greeting
        raise FailedError(type(error).__name__, str(error)) from None
    if not is_answer:
        raise FailedError(*found)
    return found


def drop_before_publish():
    """A sealer that removes parts before it has published what replaces them."""
    from runlake.store.compact import seal

    publish, write = seal.publish_meta, seal.write_files

    def begin(segments, meta):
        for writer, number in meta.covers:
            segments.journal_of_test.drop(PartName(writer, number))
        time.sleep(0.5)
        publish(segments, meta)

    def write_files(snapshot, batch):
        snapshot.segments.journal_of_test = snapshot.journal
        return write(snapshot, batch)

    seal.publish_meta, seal.write_files = begin, write_files


def commit_later():
    """A database that answers before the disk has what it answers for."""
    from runlake.store.cluster import database

    assert "else 'on' end" in database._SETTINGS
    database._SETTINGS = database._SETTINGS.replace("else 'on' end", "else 'off' end")


def no_lock():
    """A turn that locks nothing, and appends where the end is by then: neither the lock nor the guard behind it."""
    from runlake.store.cluster import journal, served

    assert served._TURN.startswith("update served set heard_at = now() where")
    served._TURN = f"{served._TURN.replace('update served set heard_at = now()', 'select body, run_no from served')}"
    served._TURN = served._TURN.partition(" returning")[0]
    assert journal._APPEND.count("end_offset = %(end)s and") == 1
    journal._APPEND = (
        journal._APPEND.replace("end_offset = %(end)s and", "")
        .replace("returning run_no, writer, number)", "returning run_no, writer, number, end_offset)")
        .replace("number, %(end)s, %(data)b", "number, end_offset - %(size_bytes)s, %(data)b")
    )
    assert served._APPEND.count("for no key update") == served._APPEND.count("and end_offset = %(end)s") == 1
    served._APPEND = (
        served._APPEND.replace("for no key update", "")
        .replace("and end_offset = %(end)s", "")
        .replace("returning parts.run_no, parts.writer, parts.number)", "returning parts.*)")
        .replace("number, %(end)s, %(data)b", "number, end_offset - %(size_bytes)s, %(data)b")
    )


def no_guard():
    """A sealer that believes in its lease: it publishes what it made, whoever has sealed the same meanwhile."""
    from runlake.store.cluster import segments

    segments.check_publishable = lambda *_: None


def believed_bucket():
    """A bucket that is believed when it says that it has something; of what was put there a copy is read."""
    CACHE["limit_bytes"] = 1 << 28
    from runlake.store.cluster.bucket import Bucket

    Bucket.put_file = lambda bucket, key, file: bucket.put_new(key, file.read_bytes())


MUTANTS = {
    "": lambda: None,
    "drop before publish": drop_before_publish,
    "commit later": commit_later,
    "no lock": no_lock,
    "no guard": no_guard,
    "believed bucket": believed_bucket,
}
"""Wrong designs, which who checks must find out."""

CACHE = {"limit_bytes": 1}
"""It keeps nothing: all that is read comes from the bucket."""

LEASE = {"hold_s": 1.0, "prolong_s": 0.3}
"""So short that who is stopped for a while sleeps past it."""


def open_replica(database_url, bucket_url, cache_dir):
    """As `open_cluster` has it, with small parts, and sealers and collectors that come by all the time."""
    store, sealers = None, []
    PostgresLeases.__init__.__kwdefaults__.update(LEASE)
    database = Database(database_url)
    database.migrate()
    cache = ObjectCache(Path(cache_dir), CACHE["limit_bytes"])
    store = ClusterStore(database, Bucket(bucket_url), cache, on_ended=lambda path: sealers[0].soon(path))
    sealers.append(Sealer(store, look_every_s=0.3, silent_s=5.0, again_s=1.0, longest_s=10.0))
    Collector(store, every_s=2.0, staged_s=60.0, dead_s=20.0)
    limits = LocalLimits(writers=WriterLimits(rows_per_part=100))
    return ClusterService(store, default_entity="ann", user="ann", limits=limits)


def main(address, database_url, bucket_url, cache_dir, mutant=""):
    MUTANTS[mutant]()
    service = open_replica(database_url, bucket_url, cache_dir)

    def answer(connection):
        with connection:
            verb, arguments, options = connection.recv()
            try:
                found = True, _plain(getattr(service, verb)(*arguments, **options))
            except Exception as error:  # told to who asked
                found = False, (type(error).__name__, str(error))
            connection.send(found)

    with Listener(address, "AF_UNIX", backlog=64, authkey=KEY) as listener:
        print("listening", flush=True)
        while True:
            try:
                connection = listener.accept()
            except (OSError, EOFError):
                continue  # who asked was killed
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def _plain(found):
    """What can be sent: of a history the steps and the values."""
    if hasattr(found, "series"):
        return found.step.tolist(), {series.key: series.values.to_pylist() for series in found.series}
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
