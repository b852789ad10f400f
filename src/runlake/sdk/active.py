"""The session of this process: what the functions of the module `runlake` speak to.

The one object of the library that stands at module level, since ``runlake.log(…)`` names no other.
"""

from __future__ import annotations

from runlake.sdk.session import Session

session = Session()
init = session.init
finish = session.finish
