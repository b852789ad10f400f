"""A process with no settings but those of the test."""

import os
from contextlib import contextmanager


def without_settings(*cleared):
    """The variables of this process without the settings of ours and of W&B, and what begins with what is `cleared`."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("RUNLAKE_", "WANDB_", *cleared))}


def make_home(monkeypatch, tmp_path, *, cleared=(), **variables):
    """Nothing of the machine's: no settings, a store, the user ann; answers the empty folder to work in.

    Variables that begin with what is `cleared` are gone too, and `variables` are set.
    """
    for name in os.environ.keys() - without_settings(*cleared).keys():
        monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": "",
        "XDG_DATA_HOME": "",
        "LOGNAME": "ann",
        "RUNLAKE_DIR": str(tmp_path / "store"),
        "RUNLAKE_SEAL": "off",
        **variables,
    }.items():
        monkeypatch.setenv(name, value)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def make_quiet(monkeypatch, tmp_path, **variables):
    """The same, and nothing is printed or captured."""
    settings = {
        "RUNLAKE_SILENT": "1",
        "RUNLAKE_CONSOLE": "off",
        "RUNLAKE_DISABLE_SYSTEM": "1",
        "RUNLAKE_DISABLE_GIT": "1",
    }
    return make_home(monkeypatch, tmp_path, **settings | variables)


@contextmanager
def fresh_session():
    """The module-level session without a run, whatever other tests have begun; ended and forgotten afterwards."""
    from runlake.sdk.process.active import session

    session.end_all(0)
    session.run = None
    yield session
    session.end_all(0)
    session.run = None
