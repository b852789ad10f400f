"""A word to whoever exports keys of which no run of a project has a row: most often one is spelled wrong."""

from __future__ import annotations

from collections.abc import Sequence

from runlake.errors import warn
from runlake.model import Stream
from runlake.near import near_names
from runlake.service.contract import Service

_NAMED_KEYS = 6


def warn_of_absent_keys(service: Service, entity: str, project: str, keys: Sequence[str], stream: Stream) -> None:
    """Warn that nothing has these keys, and say which are near them, or which there are."""
    found = () if stream == "console" else service.list_project_keys(entity, project, stream=stream).keys
    known = [one.key for one in found]
    near = list(dict.fromkeys(name for key in keys for name in near_names(key, known)))
    names = ", ".join(map(repr, (near or known)[:_NAMED_KEYS]))
    hint = f"; did you mean {names}?" if near else f"; there are: {names}" if known else ""
    asked = ", ".join(map(repr, keys[:_NAMED_KEYS]))
    warn(f"no run of {entity}/{project} that is exported has {asked} in its {stream}{hint}", has_prefix=False)
