"""The verbs over HTTP.

httpx imports a command line of its own, and with it rich, click and Pygments: half of what it costs. Where a module may
not be imported, which is what None in `sys.modules` says, it does without; afterwards who wants that one finds it.
"""

import importlib
import sys

if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("httpx")
    finally:
        del sys.modules["httpx._main"]
