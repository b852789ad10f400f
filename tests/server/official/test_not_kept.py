"""The user of the official client reads on the terminal what the server did not keep, and finds it with the run."""

import contextlib
import os
import pty
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from waiting import DEADLINE_S

works = pytest.mark.works

TOUR = Path(__file__).parent / "not_kept_tour.py"
TOLD = re.compile(r"wandb: \d+ encountered \((.*)\), retrying request")
LOST = [
    "artifact weights",
    "artifact checkpoint",
    "media in the table shown",
    "rows past 10,000 of the table of.many",
]


@pytest.fixture(scope="module")
def printed(seat):
    """What each run printed: one that goes on after it lost something, one that ends in a terminal, and two others."""

    def run(run_id, deed):
        return seat.run(TOUR, "losing", run_id, deed, timeout_s=300).complaints

    with ThreadPoolExecutor() as pool:
        in_terminal = pool.submit(run_in_terminal, seat, "losing-at-the-end", "ended", "ends")
        found = {"first": run("first", "waits"), "second": run("second", "hears")}
        found["third"] = run("third", "loses nothing")
        return found | {"ended": in_terminal.result()}


def run_in_terminal(seat, *arguments):
    """The tour before a terminal, of which all that appeared is given."""
    folder = seat.folder()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [seat.python, TOUR, *arguments],
        cwd=folder,
        env=seat.environment(folder, TERM="xterm", COLUMNS="200"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # nobody holds the other end any more
        while True:
            shown += os.read(ours, 65536)
    os.close(ours)
    assert process.wait(DEADLINE_S) == 0, shown
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown.decode())


def told(text):
    return [words.partition(". ")[0] for words in TOLD.findall(text)]


@works("log_artifact", "log_model")
def test_what_is_refused_is_told_while_the_run_goes_on(printed):
    general, *told_of = told(printed["first"])
    assert general == "what log_artifact and log_model send, media in a Table and its rows past 10,000 are not kept"
    assert sorted(told_of) == sorted(f"not kept: {thing}" for thing in LOST)


def test_the_next_run_begins_with_what_the_last_one_lost_and_the_one_after_it_with_nothing(printed):
    (words,) = told(printed["second"])
    run, _, things = words.partition(": ")
    assert (run, sorted(things.split(", "))) == ("not kept of the run first", sorted(LOST))
    assert told(printed["third"]) == []


def test_a_run_that_ends_at_once_shows_it_in_the_terminal(printed):
    assert "not kept of this run: artifact weights, artifact checkpoint" in printed["ended"]


def test_what_is_not_kept_stands_with_the_run(seat, printed):
    alerts = {alert.title: (alert.level, alert.text) for alert in seat.api.run("ada/losing/first").alerts}
    media = alerts.pop("not kept: media in the table shown")
    assert (media[0], re.sub(r"[0-9a-f]{20}", "…", media[1])) == ("WARN", "2 files, such as media/html/….html")
    assert alerts == {
        "not kept: artifact weights": ("WARN", "it was of type model"),
        "not kept: artifact checkpoint": ("WARN", "it was of type model"),
        "not kept: rows past 10,000 of the table of.many": ("WARN", "it was logged with 10,002 rows"),
    }
    assert seat.api.run("ada/losing/third").alerts == []
