"""A numbered list that processes write together: one order, nothing lost, nobody waits for a lock."""

import math
import multiprocessing
import os

import pytest

from runlake.errors import NotFoundError
from runlake.store import disk
from runlake.store.sweeps import ledger
from runlake.store.sweeps.ledger import Ledger
from waiting import DEADLINE_S


@pytest.fixture
def made(tmp_path):
    folder = tmp_path / "ledger"
    folder.mkdir()
    return Ledger(folder)


def bodies(made, number=1):
    return [{k: v for k, v in body.items() if k != "nonce"} for _, body in made.read_from(number)]


def test_entries_come_back_in_order_and_as_they_were_made(made):
    said = [{"a": 1}, {"b": [math.inf, -0.0, 2**70, "ü\n", None]}]
    assert [made.append(number, body) for number, body in enumerate(said, 1)] == [True, True]
    assert bodies(made) == said
    assert bodies(made, 2) == said[1:]


def test_who_comes_second_is_told_so(made):
    assert made.append(1, {"by": "ann"})
    assert not made.append(1, {"by": "ben"})
    assert bodies(made) == [{"by": "ann"}]


def test_the_same_entry_of_two_processes_is_that_of_one(made):
    assert [made.append(1, {"by": "any"}) for _ in range(2)] == [True, False]


def test_a_link_that_was_made_and_answered_with_an_error_counts(made, monkeypatch):
    real = disk.create_once
    monkeypatch.setattr(ledger, "create_once", lambda file, text: real(file, text) and False)
    assert made.append(1, {"by": "ann"})


def test_an_entry_without_content_says_nothing_and_stops_nobody(made, monkeypatch):
    monkeypatch.setattr(ledger, "_PATIENCE_S", 0.05)
    made.append(1, {"a": 1})
    (made.folder / "00000002.json").write_text('{"b": ')
    made.append(3, {"c": 3})
    assert bodies(made) == [{"a": 1}, {"c": 3}]


def test_a_ledger_that_was_deleted_is_told_as_such(made):
    made.folder.rmdir()
    with pytest.raises(NotFoundError, match="is gone: it was deleted"):
        made.append(1, {"a": 1})
    assert bodies(made) == []


def _count_up(folder, name, count):
    """Makes `count` entries, each of which says how many entries of its own it had read before."""
    made, number, mine = Ledger(folder), 1, 0
    while mine < count:
        for number_read, _body in made.read_from(number):
            number = number_read + 1
        if made.append(number, {"by": name, "mine": mine, "before": number - 1}):
            mine += 1
            number += 1


@pytest.mark.parametrize("has_links", [True, False], ids=["links", "no links"])
def test_many_processes_make_one_list(made, has_links, monkeypatch):
    if not has_links:

        def refuse(*_):
            raise PermissionError("this disk has no links")

        monkeypatch.setattr(os, "link", refuse)
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_count_up, args=(made.folder, name, 40)) for name in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(DEADLINE_S)
    found = bodies(made)
    assert [body["before"] for body in found] == list(range(160))
    for name in range(4):
        assert [body["mine"] for body in found if body["by"] == name] == list(range(40))
    assert sorted(file.name for file in made.folder.iterdir()) == [f"{n:08d}.json" for n in range(1, 161)]
