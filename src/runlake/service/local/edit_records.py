"""What an edit of a stored run leaves in its journal; pure."""

from __future__ import annotations

from typing import Any

from runlake.errors import BadValueError
from runlake.model import RunEdit
from runlake.store.journal import record
from runlake.store.journal.proof import prove_record
from runlake.values import canonical

_INFO_KEYS = frozenset({"name", "notes", "tags", "group", "job_type"})


def records_of(edit: RunEdit) -> list[tuple[int, dict[str, Any]]]:
    """The records of an edit, all checked; BadValueError for what cannot be kept. `state` is not among them."""
    records: list[tuple[int, dict[str, Any]]] = []
    for kind, to_set, to_unset in (
        (record.CONFIG, edit.config_set, edit.config_unset),
        (record.SUMMARY, edit.summary_set, edit.summary_unset),
    ):
        if to_set or to_unset:
            values = {path: canonical(value) for path, value in to_set.items()}
            records.append((kind, {"set": values, "unset": list(to_unset)}))
            prove_record(kind, {"clock": 0, "n": 0, **records[-1][1]})
    if edit.info:
        unknown = sorted(edit.info.keys() - _INFO_KEYS)
        if unknown:
            raise BadValueError(
                f"a run has no editable field {unknown[0]!r}; there are {', '.join(sorted(_INFO_KEYS))}"
            )
        records.append((record.INFO, {key: _info_value(key, value) for key, value in edit.info.items()}))
    return records


def _info_value(key: str, value: Any) -> Any:
    if key == "tags" and isinstance(value, list | tuple) and all(isinstance(tag, str) for tag in value):
        return list(value)
    if key != "tags" and (value is None or isinstance(value, str)):
        return value
    raise BadValueError(f"{key} must be {'a list of texts' if key == 'tags' else 'text or None'}, not {value!r}")
