"""Which runs have parts that may be sealed, as far as can be told without reading them."""

from __future__ import annotations

from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.text import from_text

_FIND = """
select entity, projects.name, run_id, sum(end_offset)::bigint
from parts join runs using (run_no) join projects using (project_no)
where sealed_in is null and deleted_at is null
group by runs.run_no, entity, projects.name, run_id
having count(*) > count(distinct writer) or max(parts.heard_at) < now() - make_interval(secs => %(silent_s)s)
order by max(parts.heard_at) desc limit %(limit)s
"""


def find_unsealed(database: Database, *, silent_s: float, limit: int) -> list[tuple[RunPath, int]]:
    """Runs of which a part is followed by another, or none has grown for `silent_s`, and the bytes of their parts.

    Those first that were heard last: of a writer that died the last part stays, and many such would hide the others.
    """
    rows = database.read(_FIND, {"silent_s": silent_s, "limit": limit})
    return [(RunPath(*map(from_text, path)), size_bytes) for *path, size_bytes in rows]
