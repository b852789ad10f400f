"""A sweep and its agents as nodes: each field asks one verb of the service, and only when it was asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]
from graphql import GRAPHQL_MAX_INT

from runlake.errors import NotFoundError, PathError
from runlake.query.rows.metric import metric_of
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import agent_node_id, sweep_node_id
from runlake.server.wandb.nodes.connection import Connection, WholeConnection
from runlake.server.wandb.nodes.user_node import NamedUser
from runlake.server.wandb.wire import iso_time, load_json_string
from runlake.sweep_model import AgentInfo, SweepInfo, SweepPath

_LOOKED_AT_COUNT = 10
"""So many runs are looked at for the best value: one that is infinite stands before all that count."""


class SweepNode:
    """One sweep. The search is the store's, so there is nobody else who controls it."""

    controller = None
    scheduler = None
    earlyStopJobRunning = False

    def __init__(self, context: RequestContext, info: SweepInfo) -> None:
        self._context = context
        self.info = info

    @property
    def id(self) -> str:
        return sweep_node_id(self.info.path)

    @property
    def name(self) -> str:
        return self.info.sweep_id

    @property
    def displayName(self) -> str:
        return self.info.name

    @property
    def method(self) -> str:
        return str(self.info.config["method"])

    @property
    def state(self) -> str:
        return self.info.state

    @property
    def description(self) -> str | None:
        return self.info.description

    def config(self, _: ResolveInfo) -> str:
        """The configuration as YAML text."""
        return str(yaml.safe_dump(self.info.config, sort_keys=False, allow_unicode=True))

    @property
    def createdAt(self) -> str:
        return iso_time(self.info.created_at)

    @property
    def updatedAt(self) -> str:
        return iso_time(self.info.updated_at)

    @property
    def heartbeatAt(self) -> str:
        return iso_time(max([self.info.updated_at, *(agent.heartbeat_at for agent in self.info.agents)]))

    @property
    def runCount(self) -> int:
        return self.info.run_count

    @property
    def runCountExpected(self) -> int | None:
        """None where there is no end, or none that GraphQL can count to: a grid may have any number of points."""
        expected = self.info.expected_run_count
        return None if expected is None or expected > GRAPHQL_MAX_INT else expected

    @property
    def user(self) -> NamedUser:
        return NamedUser(self.info.user or self.info.entity)

    def bestLoss(self, _: ResolveInfo) -> float | None:
        """The best value of the metric so far, whichever way is better."""
        metric = self.info.config.get("metric")
        if metric is None:
            return None
        name, goal = metric["name"], metric.get("goal", "minimize")
        page = self._context.service.list_runs(
            self.info.entity,
            self.info.project,
            filters={"sweep": self.info.sweep_id},
            order=(f"{'-' if goal == 'maximize' else '+'}summary_metrics.{name}",),
            limit=_LOOKED_AT_COUNT,
        )
        values = (metric_of(run, name, goal) for run in page.runs)
        return next((value for value in values if value is not None), None)

    def project(self, _: ResolveInfo) -> Any:
        return self._context.shared.nodes.project(self._context, self.info.entity, self.info.project)

    def runs(self, info: ResolveInfo, filters: str | None = None, **page: Any) -> Connection:
        """A page of its runs."""
        asked = None if not filters else load_json_string(filters, "the filter")
        return self._runs({"$and": [{"sweep": self.name}, asked or {}]}, **page)

    def priorRuns(self, info: ResolveInfo, **page: Any) -> Connection:
        """A page of the runs that the search learns from beside its own."""
        return self._runs({"name": {"$in": list(self.info.prior_run_ids)}}, **page)

    def agents(self, _: ResolveInfo) -> WholeConnection:
        return WholeConnection.of([self._agent(agent) for agent in self.info.agents])

    def agent(self, _: ResolveInfo, agentName: str | None = None) -> AgentNode | None:
        """The agent of this name or `id`."""
        nodes = map(self._agent, self.info.agents)
        return next((node for node in nodes if agentName in (node.name, node.id)), None)

    def agent_of_run(self, run_id: str) -> AgentNode | None:
        """The agent that was given this run."""
        return next((self._agent(agent) for agent in self.info.agents if run_id in agent.run_ids), None)

    def _agent(self, info: AgentInfo) -> AgentNode:
        return AgentNode(self._context, self.info.path, info.agent_id, info)

    def _runs(self, filters: dict[str, Any], **page: Any) -> Connection:
        connection: Connection = self.project(None).run_page(filters, **page)  # type: ignore[arg-type]
        return connection


class AgentNode:
    """One agent of a sweep, looked up when more than its names are asked for."""

    def __init__(self, context: RequestContext, path: SweepPath, agent_id: str, info: AgentInfo | None = None) -> None:
        self._context = context
        self._path = path
        self._known = info
        self.name = agent_id

    @property
    def id(self) -> str:
        return agent_node_id(self._path, self.name)

    @property
    def host(self) -> str:
        return self._info.host or ""

    @property
    def state(self) -> str:
        return self._info.state.upper()

    @property
    def totalRuns(self) -> int:
        return len(self._info.run_ids)

    @property
    def createdAt(self) -> str:
        return iso_time(self._info.created_at)

    @property
    def heartbeatAt(self) -> str:
        return iso_time(self._info.heartbeat_at)

    def runs(self, _: ResolveInfo, **page: Any) -> Connection:
        """A page of the runs that it began."""
        project = self._context.shared.nodes.project(self._context, self._path.entity, self._path.project)
        connection: Connection = project.run_page({"name": {"$in": list(self._info.run_ids)}}, **page)
        return connection

    @cached_property
    def _info(self) -> AgentInfo:
        if self._known is not None:
            return self._known
        for agent in self._context.service.read_sweep(self._path).agents:
            if agent.agent_id == self.name:
                return agent
        raise NotFoundError(f"sweep {self._path} has no agent {self.name!r}")


def find_sweep(context: RequestContext, path: SweepPath) -> SweepNode | None:
    """The sweep; None when there is none, and for what can be no name."""
    try:
        return SweepNode(context, context.service.read_sweep(path))
    except (NotFoundError, PathError):
        return None
