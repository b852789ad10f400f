"""``upsertBucket``: what W&B's client says of a run as a whole, in three situations that look alike on the wire.

A training process begins (or goes on with) a run; it says what changed meanwhile; a person edits a stored run. Who
sends it tells the third from the others. A process that begins has not said yet on which machine it runs (key ``e`` of
its hidden configuration), and either names no run by its id, or by one that was made for going on: see
`server.wandb.ids`. A fresh start under an old id looks like any other, and is a new attempt.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from runlake.errors import BadValueError, ConflictError, NotFoundError
from runlake.model import (
    DEFAULT_PROJECT,
    HIDDEN_KEY,
    STREAMS,
    MetricRule,
    RunEdit,
    RunInfo,
    RunPath,
    WriterBatch,
    WriterStart,
)
from runlake.names import default_name, new_run_id
from runlake.server.wandb.context import RequestContext
from runlake.server.wandb.handed_out import Kind
from runlake.server.wandb.ids import read_run_reference
from runlake.server.wandb.nodes.run_node import RunNode
from runlake.server.wandb.wire import GOALS, NOT_OF_THE_USER, RULES_KEY, SUMMARY_KINDS, load_json_string

_ENVIRONMENT_KEY, _BRANCH_KEY = "e", "branch_point"

_OF_THE_PROCESS = frozenset({"t", _ENVIRONMENT_KEY, RULES_KEY, _BRANCH_KEY})
"""What a process says of itself in the hidden configuration, or what is kept elsewhere; the rest is of the run, such as
the labels of masks and the charts of plots."""

_INFO_FIELDS = {"displayName": "name", "notes": "notes", "groupName": "group", "jobType": "job_type", "tags": "tags"}


class BegunRunNode(RunNode):
    """A run as the process that begins it is told of it: `historyLineCount` is the line it goes on with."""

    def __init__(self, context: RequestContext, info: RunInfo, line_count: int) -> None:
        super().__init__(context, info)
        self._line_count = line_count

    @property
    def historyLineCount(self) -> int:
        return self._line_count


def upsert(context: RequestContext, given: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of ``upsertBucket``: the run, and whether there was none before."""
    reference = read_run_reference(given["id"]) if given.get("id") else None
    if reference is not None:
        path = reference.path
    else:
        entity = given.get("entityName") or context.service.default_entity
        path = RunPath(entity, given.get("modelName") or DEFAULT_PROJECT, given.get("name") or new_run_id())
    config = _read_config(given.get("config"))
    hidden = config.pop(HIDDEN_KEY, {}) if config is not None else {}
    hidden = hidden if isinstance(hidden, dict) else {}
    if not context.client.is_training:
        return _edit(context, path, given, config)
    if config is not None and (kept := _kept_of(hidden)):
        config[HIDDEN_KEY] = kept
    row_counts = reference.row_counts if reference is not None else None
    if row_counts is not None and reference is not None and reference.writer is not None:
        return _say(context, path, given, config, hidden, line_count=row_counts["history"])
    is_first_word = row_counts is not None or (reference is None and (given.get("host") or given.get("jobProgram")))
    if is_first_word and config is not None and _ENVIRONMENT_KEY not in hidden:
        return _begin(context, path, given, config, hidden, row_counts)
    return _say(context, path, given, config, hidden)


def _begin(
    context: RequestContext,
    path: RunPath,
    given: Mapping[str, Any],
    config: dict[str, Any],
    hidden: Mapping[str, Any],
    row_counts: dict[str, int] | None,
) -> dict[str, Any]:
    client = context.client
    fork = _fork_of(path, hidden)
    goes_on = row_counts is not None and fork is None
    if fork is not None or (client.is_shared and row_counts is None):
        row_counts = dict.fromkeys(STREAMS, 0)  # such a process counts its own lines only
    run_count = _count_runs(context, path)
    start = WriterStart(
        name=given.get("displayName"),
        default_name=default_name(path.run_id, run_count + 1),
        notes=given.get("notes"),
        tags=None if given.get("tags") is None else tuple(given["tags"]),
        group=given.get("groupName"),
        job_type=given.get("jobType"),
        user=context.person.username if context.person is not None else None,
        host=given.get("host"),
        program=given.get("jobProgram"),
        sweep=given.get("sweep"),
        config=config,
        resume="allow" if goes_on else None,
        row_counts=row_counts,
        is_shared=client.is_shared,
        client=client.client_id,
        fork_from=fork,
    )
    begun = context.service.begin_writer(path, start)
    rules = tuple(_read_rules(hidden))
    if rules:
        context.service.write_batch(path, begun.writer, WriterBatch(rules=rules))
    info = context.service.read_run(path)
    line_count = 0 if row_counts is None else row_counts["history"]
    return {"bucket": BegunRunNode(context, info, line_count), "inserted": info.incarnation == begun.writer}


def _say(
    context: RequestContext,
    path: RunPath,
    given: Mapping[str, Any],
    config: dict[str, Any] | None,
    hidden: Mapping[str, Any],
    *,
    line_count: int | None = None,
) -> dict[str, Any]:
    """What a process says of the run that it writes."""
    begun = context.service.find_writer(path, context.client.client_id)
    batch = WriterBatch(info=_info_of(given), config=config, rules=tuple(_read_rules(hidden)))
    if begun is None or context.service.write_batch(path, begun.writer, batch).is_ended:
        return _edit(context, path, given, config)
    info = context.service.read_run(path)
    node = RunNode(context, info) if line_count is None else BegunRunNode(context, info, line_count)
    return {"bucket": node, "inserted": False}


def _edit(
    context: RequestContext, path: RunPath, given: Mapping[str, Any], config: dict[str, Any] | None
) -> dict[str, Any]:
    """A person's edit of a stored run, or a run that a person makes."""
    service = context.service
    inserted = False
    try:
        info = service.read_run(path)
    except NotFoundError:
        if given.get("id") or context.client.is_training:
            raise
        try:
            info, inserted = service.create_run(path, state=given.get("state") or "pending"), True
        except ConflictError:
            info = service.read_run(path)  # somebody else made it at this moment
    summary = given.get("summaryMetrics")
    edit = RunEdit(
        **_changes(context, "config", info, config),
        **_changes(context, "summary", info, None if summary is None else _read_summary(summary)),
        info={name: value for name, value in _info_of(given).items() if value != _as_list(getattr(info, name))},
    )
    return {"bucket": RunNode(context, service.edit_run(path, edit)), "inserted": inserted}


def _changes(context: RequestContext, kind: Kind, info: RunInfo, sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a whole document means to change in what is stored."""
    if sent is None:
        return {}
    stored: Mapping[str, Any] = getattr(info, kind)
    to_set, to_unset = context.shared.handed_out.edit_of(context.who, info.path, kind, sent, stored)
    return {f"{kind}_set": to_set, f"{kind}_unset": to_unset}


def _info_of(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {ours: given[theirs] for theirs, ours in _INFO_FIELDS.items() if given.get(theirs) is not None}
    if "notes" not in found and given.get("description") is not None and given.get("displayName") is None:
        found["notes"] = given["description"]
    return found


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _read_config(text: str | None) -> dict[str, Any] | None:
    """The configuration by key: on the wire each value stands in a dict of its own."""
    if text is None:
        return None
    document = load_json_string(text, "the config")
    if not isinstance(document, dict):
        return {}
    return {
        key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in document.items()
    }


def _read_summary(text: str) -> dict[str, Any]:
    document = load_json_string(text, "the summary")
    if not isinstance(document, dict):
        return {}
    return {key: value for key, value in document.items() if key not in NOT_OF_THE_USER}


def _kept_of(hidden: Mapping[str, Any]) -> dict[str, Any]:
    """What has a value for itself, as a version has, is of the process; what is of the run has keys."""
    return {key: value for key, value in hidden.items() if isinstance(value, dict) and key not in _OF_THE_PROCESS}


def _read_rules(hidden: Mapping[str, Any]) -> Iterator[MetricRule]:
    """What ``define_metric`` said, from the list in which a field's name is its number."""
    told = hidden.get(RULES_KEY) if isinstance(hidden, dict) else None
    told = [rule for rule in told if isinstance(rule, dict)] if isinstance(told, list) else []
    for rule in told:
        name = rule.get("1") or rule.get("2")
        if not isinstance(name, str):
            continue
        step_metric = rule.get("4")
        index = rule.get("5")
        if step_metric is None and isinstance(index, int) and 0 < index <= len(told):
            step_metric = told[index - 1].get("1")
        options = _numbers(rule.get("6"))
        yield MetricRule(
            name,
            step_metric if isinstance(step_metric, str) else None,
            tuple(SUMMARY_KINDS[number] for number in _numbers(rule.get("7")) if number in SUMMARY_KINDS),
            next((goal for number, goal in GOALS.items() if number == rule.get("8")), None),
            2 in options,
            1 in options,
        )


def _numbers(told: Any) -> list[int]:
    return [number for number in told if isinstance(number, int)] if isinstance(told, list) else []


def _fork_of(path: RunPath, hidden: Mapping[str, Any]) -> tuple[RunPath, int] | None:
    branch = hidden.get(_BRANCH_KEY) if isinstance(hidden, dict) else None
    if not isinstance(branch, dict) or branch.get("run_id") in (None, path.run_id):
        return None
    step = branch.get("step") or 0
    if not isinstance(step, int | float) or not math.isfinite(step):
        raise BadValueError(f"a run is forked at a step, which is a number, not {step!r:.60}")
    return RunPath(path.entity, path.project, str(branch["run_id"])), int(step)


def _count_runs(context: RequestContext, path: RunPath) -> int:
    """How many runs the project has."""
    try:
        return context.service.list_runs(path.entity, path.project, limit=0).total_count
    except NotFoundError:
        return 0
