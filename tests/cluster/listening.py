"""Who listens at an address, of the processes that these tests began."""

import contextlib
from urllib.parse import urlsplit

import psutil


def processes_at(url):
    """Those who listen at the port of a URL."""
    port = urlsplit(url).port
    return {process for process in psutil.Process().children(recursive=True) if port in _ports_of(process)}


def process_at(url):
    """The only one that does."""
    (found,) = processes_at(url)
    return found


def _ports_of(process):
    """None of a process that ended meanwhile, as those of a database do."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        connections = process.net_connections(kind="tcp4")
        return {connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN}
    return set()
