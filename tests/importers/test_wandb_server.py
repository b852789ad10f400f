"""Addresses at W&B, the rules of metrics as the client keeps them, and several runs at a time."""

import sys
import threading

import pytest

from runlake.errors import BadValueError, NotFoundError, NotSupportedError
from runlake.importers.side_by_side import Rows, side_by_side
from runlake.importers.wandb_server import Address, WandbServer, leads_out, parse_address, read_rules
from runlake.model import MetricRule
from waiting import DEADLINE_S


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("wandb://lab/p", Address("lab", "p")),
        ("wandb://lab/p/", Address("lab", "p")),
        ("wandb://lab/p/abc", Address("lab", "p", "abc")),
    ],
)
def test_an_address_names_a_project_or_a_run(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["wandb://lab", "wandb://", "wandb:///p", "wandb://a/b/c/d", "lab/p"])
def test_other_addresses_are_refused(text):
    with pytest.raises(BadValueError, match="names no project"):
        parse_address(text)


def test_a_python_without_the_client_is_named_with_what_to_do():
    server = WandbServer(Address("lab", "p"), base_url="http://127.0.0.1:9", key="k")
    with pytest.raises(NotSupportedError, match=rf'{sys.executable}.*pip install "runlake\[wandb\]".*--python'):
        server.list_runs()
    server.close()
    server = WandbServer(Address("lab", "p"), base_url="http://127.0.0.1:9", key="k", python="/nowhere/python")
    with pytest.raises(NotSupportedError, match="/nowhere/python cannot be run"):
        server.list_runs()
    server.close()


def test_names_that_lead_out_of_a_folder_are_known():
    names = ["/a", "../a", "a/../../b", "a\\..\\b", "\\a", "c:/a", "a\0"]
    assert [name for name in names if not leads_out(name)] == []
    assert [name for name in ["a", "a/b.txt", "..a", "media/é 1:2.png"] if leads_out(name)] == []


def test_rules_of_metrics_are_read_by_the_numbers_of_their_fields():
    told = [{"1": "epoch", "6": [3]}, {"1": "loss", "5": 1, "6": [1, 3], "7": [1, 2], "8": 1}, {"2": "val/*", "4": "n"}]
    assert list(read_rules({"m": [*told, {"9": 1}, "odd"]})) == [
        MetricRule("epoch", None, (), None, False, False),
        MetricRule("loss", "epoch", ("min", "max"), "minimize", False, True),
        MetricRule("val/*", "n", (), None, False, False),
    ]
    assert list(read_rules({})) == []


def test_answers_come_in_the_order_of_the_jobs_and_errors_in_their_place():
    barrier = threading.Barrier(2, timeout=DEADLINE_S)

    def job(number):
        barrier.wait()  # two at a time, or nobody comes through
        if number == 2:
            raise NotFoundError("gone")
        return number

    found = list(side_by_side([lambda number=number: job(number) for number in range(6)], 2))
    assert [type(each) if isinstance(each, Exception) else each for each in found] == [0, 1, NotFoundError, 3, 4, 5]


def test_an_error_of_another_kind_ends_all():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(side_by_side([broken, lambda: 1], 2))


def test_rows_of_all_runs_are_told_together():
    told = []
    rows = Rows({"a": 10, "b": 5}, lambda done, total: told.append((done, total)))
    rows.read("a", 4)
    rows.read("b", 9)  # system metrics and printed lines too
    rows.end("a")
    assert told == [(4, 15), (9, 15), (15, 15)]
    Rows({"a": None}, lambda done, total: told.append((done, total))).read("a", 3)
    assert told[-1] == (3, None)
