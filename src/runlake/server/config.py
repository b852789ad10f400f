"""How a server runs: one value, made by the command and handed to the workers through an environment variable."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from runlake.artifact_model import UploadWay
from runlake.errors import BadValueError
from runlake.ready import ready

VARIABLE = "RUNLAKE_SERVER_CONFIG"

LogFormat = Literal["json", "text"]
MIB = 1024**2

LIMITS = (
    "requests_per_s",
    "burst_requests",
    "max_body_bytes",
    "max_anonymous_body_bytes",
    "max_file_bytes",
    "max_bodies_bytes",
    "max_header_bytes",
    "max_header_count",
    "max_url_bytes",
    "max_connections",
    "max_waiting_per_address",
    "header_timeout_s",
    "body_timeout_s",
    "answer_timeout_s",
    "min_body_bytes_per_s",
    "costly_turns",
    "tails_per_person",
    "url_life_s",
)
"""What `runlake serve --limit` may set."""


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the workers of one server agree on.

    `root` is the store's folder. With `bucket_url` the store is in that bucket and in `store_database_url`, and
    `root` is a folder of this machine for what was read from there, at most `cache_bytes` of it; clients are
    sent there for what they fetch if `leads_to_bucket`, and reach it as `bucket_endpoint`, None for as this server
    does; what they may put there of artifacts says `upload_way`. `ducklake` is the schema with a DuckLake catalog of
    the store, None for none. `base_url` is what clients are told this server is called, None for what they called it
    themselves; `database_url` where people are kept, None for the store's own file. `max_body_bytes` is for requests
    that are read as a whole,
    `max_anonymous_body_bytes` for those of them that come without a key, `max_file_bytes` for uploads.
    `max_bodies_bytes` are in memory at once in each worker. A body is waited for as long as `min_body_bytes_per_s`
    come, and for `body_timeout_s` where they do not; an answer that is not read, as long as `answer_timeout_s`. The
    head of a request has at most `max_header_bytes`, `max_header_count` headers and `max_url_bytes` of address, and
    is waited for `header_timeout_s`. A worker has `max_connections`, of which `max_waiting_per_address` wait
    without having shown a key. URLs that are signed for one file are good for `url_life_s`. Each person may make
    `requests_per_s` with bursts of `burst_requests`, and follow `tails_per_person` runs at once, in each worker.
    `costly_turns` is how many costly answers each worker computes at once, 0 for as many as there are cores, 4 at
    least. `allowed_origins` are the web pages of other servers that may ask, ``*`` for all, and `embed_from` those that
    may have our page in a frame. `drain_s` is how long
    requests are waited for when the server ends, `silent_s` how long one of several workers may give no sign of
    life before it is replaced (`drain_s` at least). `supervisor_pid` is the process without which a worker ends,
    None for a worker that stands alone.
    """

    root: str
    default_entity: str
    store_database_url: str | None = None
    bucket_url: str | None = None
    cache_bytes: int = 4096 * MIB
    leads_to_bucket: bool = True
    bucket_endpoint: str | None = None
    upload_way: UploadWay = "server"
    ducklake: str | None = None
    base_url: str | None = None
    database_url: str | None = None
    workers: int = 1
    max_body_bytes: int = 64 * MIB
    max_anonymous_body_bytes: int = MIB // 16
    max_bodies_bytes: int = 256 * MIB
    max_header_bytes: int = MIB // 16
    max_header_count: int = 100
    max_url_bytes: int = MIB // 32
    max_connections: int = 10_000
    max_waiting_per_address: int = 128
    header_timeout_s: float = 20.0
    answer_timeout_s: float = 60.0
    body_timeout_s: float = 20.0
    min_body_bytes_per_s: float = 1024.0
    max_file_bytes: int = 64 * 1024 * MIB
    url_life_s: float = 3600.0
    tails_per_person: int = 200
    requests_per_s: float = 500.0
    burst_requests: int = 5000
    costly_turns: int = 0
    allowed_origins: tuple[str, ...] = ("*",)
    embed_from: tuple[str, ...] = ()
    is_tls: bool = False
    log_format: LogFormat = "json"
    drain_s: float = 30.0
    silent_s: float = 60.0
    supervisor_pid: int | None = None

    def with_limits(self, given: Iterable[str]) -> ServerConfig:
        """The same with limits as a person writes them, ``name=number``; `BadValueError` for what is none of them."""
        changed: dict[str, float] = {}
        for text in given:
            name, _, number = text.partition("=")
            name = name.strip()
            if name not in LIMITS:
                raise BadValueError(f"{name!r} is no limit of a server; there are: {', '.join(LIMITS)}")
            is_whole = isinstance(getattr(self, name), int)
            try:
                value = int(number) if is_whole else float(number)
            except ValueError:
                value = math.nan
            if not 0 < value < math.inf:
                kind, example = ("a whole number", "d") if is_whole else ("a number", "g")
                raise BadValueError(
                    f"{text[:80]!r}: {name} is {kind} above 0, as in {name}={getattr(self, name) or 8:{example}}"
                )
            changed[name] = value
        return msgspec.structs.replace(self, **changed)

    def to_environment(self) -> dict[str, str]:
        """The variables that `from_environment` reads."""
        return {VARIABLE: msgspec.json.encode(self).decode()}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> ServerConfig:
        """What the command put there; `BadValueError` when it is not there or cannot be read."""
        text = environ.get(VARIABLE)
        if not text:
            raise BadValueError(f"{VARIABLE} is not set; start the server with: runlake serve")
        try:
            return msgspec.json.decode(text, type=ready(cls))
        except msgspec.MsgspecError as error:
            raise BadValueError(f"{VARIABLE} is no configuration of a server: {error}") from None
