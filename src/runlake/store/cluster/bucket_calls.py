"""What was asked of a bucket, counted: how often, how many bytes, how long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["put", "get", "head", "list", "delete"]


class CallCount(NamedTuple):
    """What the calls of one kind came to. A call that the client repeated by itself counts once."""

    call_count: int = 0
    request_count: int = 0
    """What these are to who is paid for them: an object in parts is several."""
    failed_count: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    duration_s: float = 0.0


DOLLARS_A_MILLION: dict[Kind, float] = {"put": 5.0, "list": 5.0, "get": 0.4, "head": 0.4, "delete": 0.0}
"""List prices of Amazon S3 (standard, us-east-1)."""


def cost_dollars(counts: Mapping[Kind, CallCount]) -> float:
    """What calls cost by themselves; bytes on the way are free within a region, and what lies there is paid a month."""
    return sum(count.request_count * DOLLARS_A_MILLION[kind] for kind, count in counts.items()) / 1e6


@dataclass
class Call:
    """One call while it is made; whoever makes it says what came back."""

    received_bytes: int = 0


class BucketCalls:
    """The calls of one process by their kind. Threads may share it."""

    def __init__(self) -> None:
        self._counts: dict[Kind, CallCount] = {}
        self._lock = threading.Lock()

    def counts(self) -> dict[Kind, CallCount]:
        """Of each kind that was ever called."""
        with self._lock:
            return dict(self._counts)

    @contextmanager
    def counting(self, kind: Kind, sent_bytes: int = 0, *, request_count: int = 1) -> Iterator[Call]:
        """Count what is asked in the block; a block that raises has failed."""
        call, began, failed_count = Call(), time.monotonic(), 0
        try:
            yield call
        except Exception:
            failed_count = 1
            raise
        finally:
            with self._lock:
                before = self._counts.get(kind, CallCount())
                self._counts[kind] = CallCount(
                    call_count=before.call_count + 1,
                    request_count=before.request_count + request_count,
                    failed_count=before.failed_count + failed_count,
                    sent_bytes=before.sent_bytes + sent_bytes,
                    received_bytes=before.received_bytes + call.received_bytes,
                    duration_s=before.duration_s + time.monotonic() - began,
                )
