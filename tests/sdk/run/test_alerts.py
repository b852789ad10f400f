import datetime

import pytest

from runlake.errors import BadValueError, LogTypeError
from runlake.sdk.run.alerts import AlertLevel, Alerts


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def written():
    return []


@pytest.fixture
def alerts(written, clock):
    return Alerts(written.append, clock)


def test_an_alert_becomes_a_record(alerts, written):
    assert alerts.alert("Loss is NaN", "at step 3", level=AlertLevel.ERROR) is True
    assert alerts.alert("Done", "") is True
    assert written == [
        {"title": "Loss is NaN", "text": "at step 3", "level": "ERROR", "timestamp": 100.0},
        {"title": "Done", "text": "", "level": "INFO", "timestamp": 100.0},
    ]


@pytest.mark.parametrize("wait", [60, 60.0, datetime.timedelta(minutes=1)])
def test_one_title_is_kept_once_in_the_time_asked_for(alerts, written, clock, wait):
    kept = []
    for clock.now in (0, 30, 59.9, 60, 119, 120):
        kept.append(alerts.alert("slow", "", wait_duration=wait))
    assert kept == [True, False, False, True, False, True]
    assert alerts.alert("other", "", wait_duration=wait) is True
    assert [body["timestamp"] for body in written] == [0, 60, 120, 120]


def test_a_clock_that_was_set_back_holds_nothing_up(alerts, clock):
    alerts.alert("a", "")
    clock.now = 50
    assert alerts.alert("a", "", wait_duration=60) is True


def test_none_stands_for_what_is_usual(alerts, written):
    alerts.alert("a", "b", level=None, wait_duration=None)
    alerts.alert("a", "b", level="warn")
    assert [body["level"] for body in written] == ["INFO", "WARN"]


def test_a_long_title_is_cut(alerts, written):
    alerts.alert("x" * 1000, "y" * 1000)
    assert (len(written[0]["title"]), len(written[0]["text"])) == (250, 1000)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((5, "text"), {}, LogTypeError, "the title must be a string, not int"),
        (("title", None), {}, LogTypeError, "the text must be a string, not NoneType"),
        (("a", "b"), {"level": "FATAL"}, BadValueError, "level='FATAL'; possible: INFO, WARN, ERROR"),
        (("a", "b"), {"level": 3}, BadValueError, "level=3"),
        (("a", "b"), {"wait_duration": -1}, BadValueError, "wait_duration=-1"),
        (("a", "b"), {"wait_duration": float("nan")}, BadValueError, "wait_duration=nan"),
        (("a", "b"), {"wait_duration": "1m"}, BadValueError, "wait_duration='1m'"),
    ],
)
def test_wrong_arguments_are_told(alerts, written, arguments, options, error, message):
    with pytest.raises(error, match=message):
        alerts.alert(*arguments, **options)
    assert written == []
