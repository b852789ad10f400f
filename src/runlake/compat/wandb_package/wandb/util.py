"""What scripts borrow from wandb's own toolbox."""

import importlib
import secrets
from types import ModuleType

__all__ = ["generate_id", "get_module"]

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def generate_id(length: int = 8) -> str:
    """A random id of lower-case letters and digits, fit for ``init(id=…)``."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def get_module(name: str, required: str | bool | None = None, lazy: bool = True) -> ModuleType | None:
    """Import a module that may be missing: None then, or an ImportError with the text `required`."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if required:
            message = required if isinstance(required, str) else f"the module {name!r} is required"
            raise ImportError(message, name=error.name, path=error.path) from error
        return None
