"""The inner package whose modules integrations import names from."""

from runlake import Run, Settings, finish, init
from runlake.compat.courtesies import login, setup

__all__ = ["Run", "Settings", "finish", "init", "login", "setup"]
