"""Which run is active, as those ask who are told of none."""

import pytest

from runlake.sdk.active_run import ActiveRun, NotStartedError


@pytest.mark.usefixtures("home")
def test_the_active_run_says_what_holds(begin):
    active = ActiveRun()
    active.run = begin(strict=True)
    assert active.needed_for("log") is active.run
    assert active.settings() is active.run.settings
    assert (active.is_disabled(), active.is_strict()) == (False, True)


def test_before_there_is_one_the_environment_says_what_would_hold(home, monkeypatch):
    monkeypatch.setenv("RUNLAKE_MODE", "disabled")
    active = ActiveRun()
    assert active.settings().store == home / "store"
    assert (active.is_disabled(), active.is_strict()) == (True, False)


def test_what_needs_one_names_itself():
    with pytest.raises(NotStartedError, match=r"^runlake\.alert was used before runlake\.init\(\); call it first$"):
        ActiveRun().needed_for("alert")
