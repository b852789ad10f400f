"""Which pages of others may have our page in a frame: none, but those that who started the server has named.

Our page in a frame can be clicked at by who thinks to click at something else, so each origin is named whole, and
there is no word for all. The session's cookie stays one of the same site: in a frame of a page of another site our page
is seen by nobody who is signed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from runlake.errors import BadValueError

_ORIGIN = re.compile(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:[0-9]{1,5})?")

SELF, _NOBODY = "'self'", "'none'"

EmbedFrom = NamedDependency[SkipValidation[tuple[str, ...]]]
"""Those origins: the app provides them under the name `embed_from`."""


def checked_origins(given: Iterable[str]) -> tuple[str, ...]:
    """The origins as a policy says them; `BadValueError` for what is none."""
    origins = tuple(text.strip().lower().removesuffix("/") for text in given)
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise BadValueError(
                f"{origin[:80]!r} is no origin of a page; it is scheme, host and port alone, as in http://localhost:8888"
            )
    return origins


def framed_by(embed_from: Iterable[str]) -> str:
    """The part of a policy that says which pages may be around the answer, at any distance."""
    return f"frame-ancestors {' '.join(embed_from) or _NOBODY}"
