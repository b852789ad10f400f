"""A replica as a process that can be killed: it answers the verbs over a socket of this machine.

``python replica_process.py SOCKET DATABASE BUCKET CACHE_DIR``
"""

import sys
import threading
import time
from multiprocessing.connection import Client, Listener
from pathlib import Path

from runlake.store.journal.journal import PartName

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

    publish, drop = seal.publish_meta, seal.drop_inputs

    def begin(segments, meta):
        for writer, number in meta.covers:
            segments.journal_of_test.drop(PartName(writer, number))
        time.sleep(0.5)
        publish(segments, meta)

    def write_files(snapshot, batch, *, kept=seal.write_files):
        snapshot.segments.journal_of_test = snapshot.journal
        return kept(snapshot, batch)

    seal.publish_meta, seal.drop_inputs, seal.write_files = begin, drop, write_files


def commit_later():
    """A database that answers before the disk has what it answers for."""
    from runlake.store.cluster import database

    assert "else 'on' end" in database._SETTINGS
    database._SETTINGS = database._SETTINGS.replace("else 'on' end", "else 'off' end")


MUTANTS = {"": lambda: None, "drop before publish": drop_before_publish, "commit later": commit_later}
"""Wrong designs, which who checks must find out."""


def main(address, database_url, bucket_url, cache_dir, mutant=""):
    from runlake.service.cluster.open import open_cluster

    MUTANTS[mutant]()
    service = open_cluster(database_url, bucket_url, default_entity="ann", cache_dir=Path(cache_dir), seals=True)

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
