"""How the scripts for the official client hand back what they found: as lines ``=> name json``."""

import json
import traceback


def plain(value):
    if hasattr(value, "to_dict"):
        return value.to_dict("records")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def answer(name, ask):
    """Print what `ask` returns, or the error that it raises."""
    try:
        found = plain(ask())
    except Exception as error:
        traceback.print_exc()
        found = {"error": type(error).__name__, "message": str(error)}
    print("=>", name, json.dumps(found), flush=True)
