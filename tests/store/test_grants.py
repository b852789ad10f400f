"""Grants: of a request and its retry one opens a run, and the other is told what it was granted."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runlake.model import RunPath
from runlake.store.grants import GrantFiles

PATH = RunPath("ann", "p", "r\0")


@pytest.fixture(params=["folder", "postgresql"])
def grants(request, tmp_path):
    if request.param == "folder":
        return GrantFiles(tmp_path / "grants")
    database = request.getfixturevalue("shared_database")

    from runlake.store.cluster.grants import PostgresGrants

    database.write("delete from grants")
    return PostgresGrants(database)


def test_what_was_granted_is_told_to_who_asks_again(grants):
    for content in (b"", b"\0one", b"two"):
        with grants.hold(PATH, "token") as grant:
            if content:
                grant.keep(content)
            assert grant.content == content
    with grants.hold(PATH, "token") as grant:
        assert grant.content == b"two"


def test_every_opening_has_its_own(grants):
    with grants.hold(PATH, "one") as one:
        one.keep(b"one")
    for path, token in ((PATH, "other"), (PATH._replace(project="q"), "one"), (PATH._replace(run_id="r"), "\ud800")):
        with grants.hold(path, token) as grant:
            assert grant.content == b""


def test_of_many_who_open_with_one_token_one_does(grants):
    start, opened = threading.Barrier(4), []

    def open_it(number):
        start.wait()
        with grants.hold(PATH, "token") as grant:
            if not grant.content:
                opened.append(number)
                grant.keep(str(number).encode())
            return grant.content

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(open_it, range(4)))
    assert told == [str(opened[0]).encode()] * 4
    assert len(opened) == 1
