"""The inner package whose modules integrations import names from."""

from runlake import AlertLevel, Run, Settings, finish, init
from runlake.compat.courtesies import login, setup
from wandb.sdk import data_types, lib

__all__ = ["AlertLevel", "Run", "Settings", "data_types", "finish", "init", "lib", "login", "setup"]
