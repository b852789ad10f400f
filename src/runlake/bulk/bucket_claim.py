"""Who writes into a place of a bucket: an object that is made once, and renewed as long as its maker lives.

A bucket has no locks. So whoever is in says so in an object, and replaces it, always in the place of the one before,
some times a minute. One that was not replaced for `LEASE_S`, or whose process on this machine is gone, is taken over;
whoever was replaced writes nothing any more.
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
from runlake.store.cluster.bucket import Bucket

LEASE_S = 60.0
_RENEW_S = 15.0


class _Holder(msgspec.Struct, frozen=True):
    """Who is in; `number` makes each renewal another object."""

    host: str
    pid: int
    token: str
    number: int = 0


class Claim:
    """The claim of one process on a place. `lease_s` is how long one that is silent is thought to live."""

    def __init__(self, bucket: Bucket, key: str, lease_s: float = LEASE_S, renew_s: float = _RENEW_S) -> None:
        self._bucket, self._key = bucket, key
        self._lease_s, self._renew_s = lease_s, renew_s
        self._me = _Holder(socket.gethostname(), os.getpid(), secrets.token_hex(8))
        self._etag: str | None = None
        self._renewed_at_s = 0.0
        self._lost: str | None = None
        self._is_over = threading.Event()

    @contextlib.contextmanager
    def held(self, place: str) -> Iterator[None]:
        """Hold the claim within the block. `ConflictError` while somebody else does."""
        try:
            self._take(place)
        except FileNotFoundError:  # the other one's is gone since it was seen
            raise ConflictError(f"another export ends in {place} at this moment; start it again") from None
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
                    self._bucket.remove([self._key])

    def check(self) -> None:
        """`ConflictError` when it is not certain any more that nobody else is in: write nothing then."""
        if self._lost is None and time.monotonic() - self._renewed_at_s > self._lease_s / 2:
            self._lost = "the bucket did not answer for too long"
        if self._lost is not None:
            raise ConflictError(f"the export stops, for {self._lost}; start it again, and it goes on")

    def _take(self, place: str) -> None:
        content = msgspec.json.encode(self._me)
        self._lost, began_at_s = None, time.monotonic()
        with contextlib.suppress(ConflictError):
            self._bucket.put_new(self._key, content)
            self._etag, self._renewed_at_s = self._bucket.head(self._key).etag, began_at_s
            return
        found = self._bucket.head(self._key)
        holder = msgspec.json.decode(self._bucket.get(self._key), type=ready(_Holder))
        silent_s = self._server_now_s() - found.written_at
        if silent_s < self._lease_s and not _is_gone(holder):
            raise ConflictError(
                f"another export (process {holder.pid} on {holder.host}) writes into {place}, and was heard "
                f"{max(0.0, silent_s):.0f} s ago; wait for it, or name another place. If it is dead, it is forgotten "
                f"{self._lease_s:.0f} s after its last word"
            )
        self._etag = self._bucket.replace(self._key, content, etag=found.etag)
        self._renewed_at_s = began_at_s

    def _server_now_s(self) -> float:
        """The clock by which objects are written."""
        key = f"{self._key}-{self._me.token}"
        self._bucket.put_new(key, b"")
        try:
            return self._bucket.head(key).written_at
        finally:
            self._bucket.remove([key])

    def _keep(self) -> None:
        """Renew the claim until it is over, or somebody else has it."""
        number = 0
        while not self._is_over.wait(self._renew_s):
            number += 1
            began_at_s = time.monotonic()
            content = msgspec.json.encode(msgspec.structs.replace(self._me, number=number))
            try:
                self._etag = self._bucket.replace(self._key, content, etag=self._etag)
                self._renewed_at_s = began_at_s
            except (ConflictError, FileNotFoundError):
                if not self._is_mine(content):
                    self._lost = "another one has taken its place over"
                    return
                self._renewed_at_s = began_at_s
            except RunlakeError:
                continue  # as long as it is not silent for too long, nothing is lost

    def _is_mine(self, content: bytes) -> bool:
        """Whether the object is what was sent last: the answer to it may have been lost."""
        try:
            if self._bucket.get(self._key) != content:
                return False
            self._etag = self._bucket.head(self._key).etag
        except (RunlakeError, FileNotFoundError):
            return False
        return True


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
