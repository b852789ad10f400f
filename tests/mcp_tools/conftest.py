"""Clients of the official SDK, each of them in a loop of its own that tests ask from outside."""

from contextlib import contextmanager

import pytest
from anyio.from_thread import start_blocking_portal
from asked_tools import Asking


@contextmanager
def connected(server, **options):
    """`Asking` over a client that is connected to whatever the SDK takes for a server."""
    from mcp import Client  # it takes half a second, and every process of the tests collects this folder

    with start_blocking_portal() as portal:
        client = Client(server, **options)
        with portal.wrap_async_context_manager(client):
            yield Asking(portal, client)


@pytest.fixture(scope="module")
def connect():
    return connected
