"""Ships one run to its server, in a process of its own that outlives the training process.

``python -m runlake.ship.process <run folder> [--seal]``: it ends when all has arrived and nothing will follow, or
when the training has ended and the server was not there for so long that somebody must ask for it again
(``runlake sync``). With ``--seal`` it then does what follows the end of a run.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from runlake.errors import BusyError, NotFoundError, RunlakeError, StoreError, UnreachableError
from runlake.service.open import find_api_key
from runlake.service.remote.service import RemoteService
from runlake.ship.shipper import Sent, Shipper
from runlake.store.folder_store import FolderStore
from runlake.store.journal.folder import journal_of
from runlake.store.journal.liveness import is_any_alive
from runlake.store.journal.shipped import only_shipper, read_shipped

if TYPE_CHECKING:
    from runlake.service.contract import Service

SHORTEST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 2.0
LONGEST_BACKOFF_S = 60.0
GIVE_UP_AFTER_S = 3600.0
"""So long a process goes on when nobody writes any more and the server cannot be reached."""

_PASSING = (UnreachableError, BusyError, StoreError, OSError)
"""What may be well again later: a server that is away or busy, a disk there or here that is full."""


def ship(
    shipper: Shipper,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    give_up_after_s: float = GIVE_UP_AFTER_S,
    is_written_to: Callable[[], bool] = lambda: True,
) -> bool:
    """Round after round until all has arrived; whether it has.

    A server that is not there is tried again, less and less often. False when it was not there for `give_up_after_s`
    and nobody writes any more, when the run was deleted there, or when the server refuses it for good.
    """
    failures, pause_s, well_at = 0, SHORTEST_PAUSE_S, clock()
    while True:
        try:
            sent = shipper.send()
        except NotFoundError as error:
            shipper.tell(str(error))
            return False
        except (RunlakeError, OSError) as error:
            failures += 1
            shipper.tell(f"{type(error).__name__}: {error}")
            is_hopeless = not isinstance(error, _PASSING)
            limit_s = 0.0 if is_hopeless and failures > 3 else give_up_after_s
            if clock() - well_at >= limit_s and not is_written_to():
                return False
            sleep(min(LONGEST_BACKOFF_S, SHORTEST_PAUSE_S * 2**failures))
            continue
        failures, well_at = 0, clock()
        shipper.tell(None)
        if sent.is_over:
            return True
        pause_s = _pause_s(sent, pause_s)
        sleep(pause_s)


def _pause_s(sent: Sent, before_s: float) -> float:
    return SHORTEST_PAUSE_S if sent.sent_bytes else min(LONGEST_PAUSE_S, before_s * 1.5)


def open_server(base_url: str) -> Service:
    """The server, with the key that is kept for it."""
    return RemoteService(base_url, api_key=find_api_key(base_url, os.environ), attempts=1)


def main(run_dir: str, *, seals: bool) -> int:
    """0 when all has arrived, or another process is at it."""
    folder = Path(run_dir)
    layout = FolderStore.around(folder)
    try:
        with only_shipper(folder) as is_only:
            shipped = read_shipped(folder)
            if not is_only or shipped is None or shipped.base_url is None:
                return 0
            path = layout.run_path_of(folder)
            journal = journal_of(layout, path)

            def is_written_to() -> bool:
                return is_any_alive(journal)

            service = open_server(shipped.base_url)
            try:
                is_done = ship(Shipper(service, layout, path, sends_beside=True), is_written_to=is_written_to)
            finally:
                service.close()
    except (RunlakeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if is_done and seals:
        from runlake.store.compact import after_finish  # it loads numpy and Arrow: not as long as the training goes on

        return after_finish.main(run_dir)
    return 0 if is_done else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], seals="--seal" in sys.argv[2:]))
