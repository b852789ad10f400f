"""The session of this process: what the functions of the module `runlake` speak to.

The one object of the library that stands at module level, since ``runlake.log(…)`` names no other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from runlake.sdk.session import Session

session = Session()
init = session.init
finish = session.finish


@cache
def call_of_the_active_run(name: str) -> Callable[..., Any]:
    """The method `name` of whichever run is active when it is called: may be imported before `init`."""

    def call(*args: Any, **options: Any) -> Any:
        return getattr(session.active(name), name)(*args, **options)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`Run.{name}` of the active run."
    return call
