"""What W&B's client does about sweeps: makes and edits them, and asks as an agent what is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from runlake.errors import BadValueError, NotSupportedError
from runlake.model import DEFAULT_PROJECT
from runlake.search.configuration import parse_sweep
from runlake.search.plan import SweepPlan
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import agent_of, sweep_of
from runlake.server.wandb.nodes.sweep_node import AgentNode, SweepNode
from runlake.server.wandb.wire import dump_json_string, load_json_string
from runlake.sweep_model import AgentCommand, AgentReport, AgentStart, SweepEdit, SweepInfo, SweepPath, SweepStart

Given = Mapping[str, Any]

MAX_CONFIG_CHARACTERS = 200_000
"""YAML is slow to read: text of this length takes seconds."""

MAX_CONFIG_DEPTH = 100

_OF_SCHEDULERS = ("controller", "scheduler", "launchScheduler", "templateVariableValues")
_NAMES_OF_SWEEP = ("name", "description", "project", "entity")


class SweepMutations:
    """Every field acts for the person of the context, who may change what is theirs."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def upsertSweep(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """A new sweep, or with an `id` what a person changes of one."""
        for key in _OF_SCHEDULERS:
            if input.get(key) not in (None, "", "null"):
                raise NotSupportedError(f"sweeps whose search is done elsewhere are not supported by runlake: {key}")
        info = self._edit_sweep(input) if input.get("id") else self._create_sweep(input)
        # What is wrong with a configuration is an error: a warning would be overlooked.
        return {"sweep": SweepNode(self._context, info), "configValidationWarnings": []}

    def createAgent(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        entity = input.get("entityName") or self._context.service.default_entity
        path = SweepPath(entity, input.get("projectName") or DEFAULT_PROJECT, input["sweep"])
        agent = self._context.service.join_sweep(path, AgentStart(host=input["host"]))
        return {"agent": AgentNode(self._context, path, agent.agent_id, agent)}

    def agentHeartbeat(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """What the agent runs, and what it is to do: it runs one at a time."""
        path, agent_id = agent_of(input["id"])
        running = _read_running(input.get("runState"))
        report = AgentReport(running=running, wanted_count=0 if running else 1)
        orders = self._context.service.report_agent(path, agent_id, report)
        # An agent in a Python process heeds only the first of the commands that come at once, and one on the command
        # line that is to leave kills what it runs: runs are stopped first, and have the time until the next report.
        stops = [order for order in orders if order.kind == "stop"]
        commands = [self._command(path, order) for order in stops or orders]
        return {"agent": AgentNode(self._context, path, agent_id), "commands": dump_json_string(commands)}

    def _create_sweep(self, given: Given) -> SweepInfo:
        plan = _read_config(given.get("config"))
        service = self._context.service
        entity = given.get("entityName") or plan.entity or service.default_entity
        project = given.get("projectName") or plan.project or DEFAULT_PROJECT
        described = {"description": given["description"]} if given.get("description") else {}
        start = SweepStart(
            config={**plan.document, **described},
            name=given.get("displayName"),
            user=self._context.who or None,
            prior_run_ids=self._read_prior_runs(entity, project, given.get("priorRunsFilters")),
        )
        info = service.create_sweep(entity, project, start)
        state = given.get("state")
        return info if state in (None, info.state) else service.edit_sweep(info.path, SweepEdit(state=state))

    def _edit_sweep(self, given: Given) -> SweepInfo:
        path, service = sweep_of(given["id"]), self._context.service
        name, description = given.get("displayName"), given.get("description")
        if given.get("config") is not None:
            plan = _read_config(given["config"])
            stored = parse_sweep(service.read_sweep(path).config)
            if _without_names(plan.document) != _without_names(stored.document):
                raise NotSupportedError(
                    "the configuration of a sweep cannot be changed in runlake, only its name and description; "
                    "make a new sweep, which learns from runs that you name: wandb sweep -R RUN_ID FILE"
                )
            name, description = name or plan.name, description or plan.description
        state = given.get("state")
        return service.edit_sweep(path, SweepEdit(state=state, name=name, description=description))

    def _read_prior_runs(self, entity: str, project: str, text: str | None) -> tuple[str, ...]:
        """The ids of the runs that a filter finds; one that only names runs is taken as it is, so none is missed."""
        filters = load_json_string(text, "the filter of prior runs") if text else None
        if not filters:
            return ()
        if not isinstance(filters, dict):
            raise BadValueError(f'a filter of prior runs is an object like {{"name": "r1"}}, not {text!r:.60}')
        either = filters.get("$or") if len(filters) == 1 else None
        if isinstance(either, list) and all(isinstance(one, dict) and [*one] == ["name"] for one in either):
            names = [one["name"] for one in either]
            if all(isinstance(name, str) for name in names):
                return tuple(names)
        found = self._context.service.list_runs(entity, project, filters=filters)
        return tuple(run.run_id for run in found.runs)

    def _command(self, path: SweepPath, order: AgentCommand) -> dict[str, Any]:
        if order.kind == "exit":
            return {"type": "exit"}
        if order.kind == "stop":
            return {"type": "stop", "run_id": order.run_id}
        return {
            "type": "run",
            "run_id": order.run_id,
            "args": {name: {"value": value} for name, value in order.params.items()},
            "program": self._context.service.read_sweep(path).config.get("program"),
        }


def _read_config(text: str | None) -> SweepPlan:
    if not text or not text.strip():
        raise BadValueError("a sweep needs a configuration: pass config, as YAML or JSON")
    if len(text) > MAX_CONFIG_CHARACTERS:
        raise BadValueError(
            f"the configuration of the sweep has {len(text):,} characters, and {MAX_CONFIG_CHARACTERS:,} are allowed"
        )
    depth = 0
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                # A few lines of them can mean more than fits into the memory.
                raise BadValueError("the configuration has a YAML alias (*name); write out what it stands for")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_CONFIG_DEPTH:
                # The time that YAML takes grows with the square of it.
                raise BadValueError(f"the configuration is nested too deep: {MAX_CONFIG_DEPTH} levels are allowed")
    except yaml.YAMLError:
        pass  # what is wrong is said below
    return parse_sweep(text)


def _without_names(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in _NAMES_OF_SWEEP}


def _read_running(text: str | None) -> tuple[str, ...]:
    """The runs that an agent has, of ``{"<run id>": true, …}``."""
    states = load_json_string(text, "runState") if text else None
    if states is not None and not isinstance(states, dict):
        raise BadValueError(f'runState is an object like {{"<run id>": true}}, not {text!r:.60}')
    return tuple(run_id for run_id, is_running in (states or {}).items() if is_running)
