"""What DuckDB says of names that it does not find, with the names that there are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runlake.near import near_names
from runlake.sql.schema import SCHEMAS

_NO_COLUMN = re.compile(r'Referenced column "([^"]*)" not found|does not have a column named "([^"]*)"')
_NO_TABLE = re.compile(r"Table with name (\S+) does not exist!")
_CANDIDATES = re.compile(r"\n*(Candidate bindings: [^\n]*|Did you mean [^\n]*)")


def explained(message: str) -> str:
    """The message; of a table or column that is not there, with names that are near."""
    column, table = _NO_COLUMN.search(message), _NO_TABLE.search(message)
    if column is not None:
        asked = column[1] or column[2]
        known = {name for schema in SCHEMAS.values() for name in schema.names}
        hint = _meant(asked, known) or f"a key is a value of the column key: WHERE key = '{asked}'"
    elif table is not None:
        hint = _meant(table[1], SCHEMAS) or f"there are {', '.join(SCHEMAS)}"
    else:
        return message
    said, *where = _CANDIDATES.sub("", message).split("\n\n", 1)
    return "\n\n".join([f"{said.rstrip()} {hint[0].upper()}{hint[1:]}", *where])


def _meant(asked: str, known: Iterable[str]) -> str:
    near = near_names(asked.lower(), known)
    return f"did you mean {' or '.join(near)}?" if near else ""
