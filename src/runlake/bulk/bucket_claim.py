"""Who writes into a place of a bucket: objects with numbers, of which the highest says who is in.

A bucket has no locks, but it makes an object once. So whoever comes in makes the next number, and again some times a
minute, and removes the one before; of two who make the same number one does. A number may be free because it was made
and removed long ago: so whoever made one looks whether it is the highest. Who made none for `LEASE_S`, or whose process
on this machine is gone, is taken over, and writes nothing any more.

Not by `If-Match`, which not all servers do that make an object once: one of Ceph's refuses the right ETag.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator

import msgspec

from runlake.errors import ConflictError, RunlakeError
from runlake.ready import ready
from runlake.store.cluster.bucket import Bucket, ObjectInfo, VanishedError

LEASE_S = 60.0
_RENEW_S = 15.0
_LOOK_COUNT = 20


class _Holder(msgspec.Struct, frozen=True):
    """Who is in."""

    host: str
    pid: int
    token: str


class _LostError(Exception):
    """Somebody else is in."""


class Claim:
    """The claim of one process on a place, below the folder `key`. `lease_s` is how long one that is silent is thought
    to live."""

    def __init__(self, bucket: Bucket, key: str, lease_s: float = LEASE_S, renew_s: float = _RENEW_S) -> None:
        self._bucket, self._key = bucket, key
        self._lease_s, self._renew_s = lease_s, renew_s
        self._me = _Holder(socket.gethostname(), os.getpid(), secrets.token_hex(8))
        self._number = 0
        self._renewed_at_s = 0.0
        self._lost: str | None = None
        self._is_over = threading.Event()

    @contextlib.contextmanager
    def held(self, place: str) -> Iterator[None]:
        """Hold the claim within the block. `ConflictError` while somebody else does."""
        self._take(place)
        self._is_over.clear()
        renewing = threading.Thread(target=self._keep, name="runlake-claim", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            self._is_over.set()
            renewing.join()
            if self._lost is None:
                with contextlib.suppress(RunlakeError):  # it ends by itself
                    self._bucket.remove([self._place_of(self._number)])

    def check(self) -> None:
        """`ConflictError` when it is not certain any more that nobody else is in: write nothing then."""
        if self._lost is None and time.monotonic() - self._renewed_at_s > self._lease_s / 2:
            self._lost = "the bucket did not answer for too long"
        if self._lost is not None:
            raise ConflictError(f"the export stops, for {self._lost}; start it again, and it goes on")

    def _take(self, place: str) -> None:
        self._lost = None
        for _ in range(_LOOK_COUNT):
            with contextlib.suppress(_LostError, VanishedError, FileNotFoundError):  # changed since it was seen
                self._take_or_refuse(place)
                return
        raise ConflictError(f"another export is in {place} at this moment; start it again")

    def _take_or_refuse(self, place: str) -> None:
        there = self._there()
        last = max(there, default=0)
        if last:
            holder = msgspec.json.decode(self._bucket.get(self._place_of(last)), type=ready(_Holder))
            silent_s = self._server_now_s() - there[last].written_at
            if silent_s < self._lease_s and not _is_gone(holder):
                raise ConflictError(
                    f"another export (process {holder.pid} on {holder.host}) writes into {place}, and was heard "
                    f"{max(0.0, silent_s):.0f} s ago; wait for it, or name another place. If it is dead, it is "
                    f"forgotten {self._lease_s:.0f} s after its last word"
                )
        self._make(last + 1)

    def _make(self, number: int) -> None:
        """Be in by this number. _LostError when somebody else is."""
        began_at_s, place = time.monotonic(), self._place_of(number)
        try:
            self._bucket.put_new(place, msgspec.json.encode(self._me))
        except ConflictError:
            raise _LostError from None
        there = self._there()
        if number != max(there, default=0):
            self._bucket.remove([place])
            raise _LostError
        self._number, self._renewed_at_s = number, began_at_s
        self._bucket.remove([self._place_of(each) for each in there if each < number])

    def _keep(self) -> None:
        """Renew the claim until it is over, or somebody else is in."""
        while not self._is_over.wait(self._renew_s):
            try:
                self._make(self._number + 1)
            except _LostError:
                self._lost = "another one has taken its place over"
                return
            except RunlakeError:
                continue  # as long as it is not silent for too long, nothing is lost

    def _there(self) -> dict[int, ObjectInfo]:
        """The numbers that are made."""
        found = ((info.key.rpartition("/")[2], info) for info in self._bucket.list(self._key))
        return {int(name): info for name, info in found if name.isdecimal()}

    def _place_of(self, number: int) -> str:
        return f"{self._key}/{number:08}"

    def _server_now_s(self) -> float:
        """The clock by which objects are written."""
        key = f"{self._key}/now-{self._me.token}"
        self._bucket.put_new(key, b"")
        try:
            return self._bucket.head(key).written_at
        finally:
            self._bucket.remove([key])


def _is_gone(holder: _Holder) -> bool:
    """Whether it was a process of this machine that is not there any more."""
    if holder.host != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
