"""A process with no settings but those of the test."""

import os


def make_quiet(monkeypatch, tmp_path):
    """A store, the user ann, nothing printed, captured or sealed; an empty folder to work in."""
    for name in list(os.environ):
        if name.startswith(("RUNLAKE_", "WANDB_")):
            monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": "",
        "XDG_DATA_HOME": "",
        "LOGNAME": "ann",
        "RUNLAKE_DIR": str(tmp_path / "store"),
        "RUNLAKE_SEAL": "off",
        "RUNLAKE_SILENT": "1",
        "RUNLAKE_CONSOLE": "off",
        "RUNLAKE_DISABLE_SYSTEM": "1",
        "RUNLAKE_DISABLE_GIT": "1",
    }.items():
        monkeypatch.setenv(name, value)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
