"""Asks a server to open a run, for a training process that loads nothing of a network.

``python -m runlake.ship.opening <address>`` reads the question from stdin and prints the grant, both as msgpack;
an error goes to stderr as one line that begins with its class.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec

from runlake.errors import RunlakeError
from runlake.model import RunPath
from runlake.service.open import find_api_key
from runlake.service.remote.service import RemoteService
from runlake.store.ingest.grant_codec import pack_grant, unpack_request

_ATTEMPTS = 2
_PATIENCE_S = 20.0


def ask(service: RemoteService, question: dict[str, Any]) -> bytes:
    """The grant; names that begin with no entity are completed with that of the key."""
    opening = unpack_request(question["opening"])
    path = _complete(service, question["path"])
    if opening.fork_from is not None and question["fork_entity"] is None:
        source = _complete(service, [None, *opening.fork_from[0][1:]])
        opening = msgspec.structs.replace(opening, fork_from=(source, opening.fork_from[1]))
    return pack_grant(service.open_writer(path, opening))


def _complete(service: RemoteService, path: list[str | None]) -> RunPath:
    entity, project, run_id = path
    return RunPath(entity or service.default_entity, project or "", run_id or "")


def main(base_url: str) -> int:
    """Print the grant, or say why there is none."""
    service = RemoteService(
        base_url, api_key=find_api_key(base_url, os.environ), timeout_s=_PATIENCE_S, attempts=_ATTEMPTS
    )
    try:
        sys.stdout.buffer.write(ask(service, msgspec.msgpack.decode(sys.stdin.buffer.read())))
    except RunlakeError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        service.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
