"""Starts a server for the tests: ``python serving.py STORE KEY``; prints its address when it takes requests."""

import socket
import sys
from pathlib import Path

import uvicorn

from runlake.server.app import build_app, open_parts

USER = "ada"


def main(store, key):
    parts = open_parts(Path(store), default_entity=USER)
    parts.people.add_user(USER, is_admin=True, key=key, email="ada@lab.org")
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(build_app(parts), log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
