"""A run as a node: each field asks one verb of the service, and only when it was asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

from runlake.artifact_model import Relation
from runlake.errors import CorruptError
from runlake.model import STEP, RunInfo, Stream
from runlake.query.rows.dicts import iter_rows
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.handed_out import Kind
from runlake.server.wandb.ids import project_number, resumed_node_id, run_node_id
from runlake.server.wandb.nodes.collection_node import version_page
from runlake.server.wandb.nodes.connection import Connection
from runlake.server.wandb.nodes.console import console_page
from runlake.server.wandb.nodes.files import RunFiles
from runlake.server.wandb.nodes.keys import keys_of_outline, keys_of_summary
from runlake.server.wandb.nodes.rows import Spec, read_spec, sampled_rows, whole_rows
from runlake.server.wandb.nodes.sweep_node import AgentNode, SweepNode, find_sweep
from runlake.server.wandb.nodes.user_node import NamedUser
from runlake.server.wandb.wire import (
    config_document,
    dump_json_string,
    hidden_config,
    iso_time,
    summary_document,
)
from runlake.sweep_model import SweepPath


class RunNode:
    """One run. Of one that `is_listed` among many, the keys come from its summary: a look at each would be dear."""

    type_name = "Run"
    readOnly = False

    def __init__(self, context: RequestContext, info: RunInfo, *, is_listed: bool = False) -> None:
        self._context = context
        self.info = info
        self._is_listed = is_listed

    # What the run is

    @property
    def id(self) -> str:
        return run_node_id(self.info.path)

    @property
    def projectId(self) -> int:
        return project_number(self.info.entity, self.info.project)

    @property
    def internalId(self) -> str:
        return self.id

    @property
    def name(self) -> str:
        return self.info.run_id

    @property
    def displayName(self) -> str:
        return self.info.name

    @property
    def description(self) -> str | None:
        return self.info.notes

    @property
    def notes(self) -> str | None:
        return self.info.notes

    @property
    def state(self) -> str:
        return self.info.state

    @property
    def tags(self) -> list[str]:
        return list(self.info.tags)

    @property
    def group(self) -> str | None:
        return self.info.group

    @property
    def jobType(self) -> str | None:
        return self.info.job_type

    @property
    def host(self) -> str | None:
        return self.info.host

    @property
    def program(self) -> str | None:
        return self.info.program

    @property
    def createdAt(self) -> str:
        return iso_time(self.info.created_at)

    @property
    def heartbeatAt(self) -> str:
        return iso_time(self.info.heartbeat_at)

    @property
    def updatedAt(self) -> str:
        return self.heartbeatAt

    @property
    def user(self) -> NamedUser:
        """Who began the run; of one that nobody has begun yet, whose it is: the client cannot do without."""
        return NamedUser(self.info.user or self.info.entity)

    @property
    def sweepName(self) -> str | None:
        return self.info.sweep

    def sweep(self, _: ResolveInfo) -> SweepNode | None:
        """The sweep that the run belongs to; None without one, and when it was deleted."""
        if not self.info.sweep:
            return None
        return find_sweep(self._context, SweepPath(self.info.entity, self.info.project, self.info.sweep))

    def agent(self, _: ResolveInfo) -> AgentNode | None:
        """The agent that began the run."""
        sweep = self.sweep(_)
        return None if sweep is None else sweep.agent_of_run(self.name)

    @property
    def exitcode(self) -> int | None:
        return self.info.exit_code

    @property
    def shouldStop(self) -> bool:
        return self.info.stop_requested

    @property
    def stopped(self) -> bool:
        return self.info.state == "killed"

    @property
    def failed(self) -> bool:
        return self.info.state in ("failed", "crashed")

    @property
    def running(self) -> bool:
        return self.info.state in ("running", "preempting")

    @property
    def commit(self) -> str | None:
        return self._context.shared.commits.read(self._context.service, self.info)

    def project(self, _: ResolveInfo) -> Any:
        return self._context.shared.nodes.project(self._context, self.info.entity, self.info.project)

    # Config, summary, keys

    def config(self, _: ResolveInfo) -> str:
        text = self._context.budget.take_text(dump_json_string(config_document(self.info)))
        self._remember("config", self.info.config, len(text))
        return text

    def wandbConfig(self, _: ResolveInfo, keys: list[str] | None = None) -> str:
        hidden = hidden_config(self.info)
        return dump_json_string(hidden if keys is None else {key: hidden[key] for key in keys if key in hidden})

    def summaryMetrics(self, _: ResolveInfo) -> str:
        text = self._context.budget.take_text(dump_json_string(summary_document(self.info)))
        self._remember("summary", self.info.summary, len(text))
        return text

    def systemMetrics(self, _: ResolveInfo) -> str:
        return dump_json_string(self.info.system_metrics)

    def historyKeys(self, _: ResolveInfo) -> dict[str, Any]:
        if self._is_listed or not self.info.row_count:
            return keys_of_summary(self.info)
        try:
            return keys_of_outline(self.info, self._context.service.outline_history(self.info.path))
        except CorruptError:
            return keys_of_summary(self.info)  # who asks for the rows is told of the damage; a listing goes on

    # Rows

    @property
    def historyLineCount(self) -> int:
        return self.info.row_count

    @property
    def eventsLineCount(self) -> int:
        return self.info.event_count

    @property
    def logLineCount(self) -> int:
        return self.info.console_line_count

    def historyTail(self, _: ResolveInfo) -> str:
        return self._tail("history", self.info.row_count)

    def eventsTail(self, _: ResolveInfo) -> str:
        return self._tail("events", self.info.event_count)

    def history(
        self,
        _: ResolveInfo,
        samples: int | None = None,
        minStep: int | None = None,
        maxStep: int | None = None,
    ) -> list[str]:
        return self._rows("history", samples, minStep, maxStep)

    def events(
        self,
        _: ResolveInfo,
        samples: int | None = None,
        minStep: int | None = None,
        maxStep: int | None = None,
    ) -> list[str]:
        return self._rows("events", samples, minStep, maxStep)

    def sampledHistory(
        self, _: ResolveInfo, specs: list[str], packVersion: int | None = None
    ) -> list[list[dict[str, Any]]]:
        context = self._context
        found = [self._behind_exports(read_spec(text)) for text in specs]
        histories = context.shared.histories
        return [sampled_rows(context.service, histories, self.info, spec, context.budget) for spec in found]

    def parquetHistory(self, _: ResolveInfo, liveKeys: list[str]) -> dict[str, Any]:
        """Files to scan from, and the first step that is to be read live."""
        context = self._context
        found = context.shared.exports.announce(context.service, context.shared.histories, self.info)
        urls = [context.parquet_url(self.info.path, name) for name in found.names]
        return {
            "parquetUrls": urls,
            "liveData": [] if found.first_live_step is None else [{STEP: found.first_live_step}],
        }

    # Console and files

    def logLines(
        self,
        _: ResolveInfo,
        last: int | None = None,
        first: int | None = None,
        after: str | None = None,
        useImprovedPagination: bool | None = None,
    ) -> Connection:
        return console_page(self._context.service, self.info, last=last, first=first, after=after)

    def fileCount(self, _: ResolveInfo) -> int:
        return self._files.count

    def files(
        self,
        _: ResolveInfo,
        names: list[str | None] | None = None,
        first: int | None = None,
        after: str | None = None,
        pattern: str | None = None,
    ) -> Connection:
        return self._files.page(names=names, first=first, after=after, pattern=pattern)

    # Artifacts

    def inputArtifacts(self, _: ResolveInfo, first: int | None = None, after: str | None = None) -> Connection:
        return self._artifacts("used", first, after)

    def outputArtifacts(self, _: ResolveInfo, first: int | None = None, after: str | None = None) -> Connection:
        return self._artifacts("logged", first, after)

    # What several fields are made of

    def _artifacts(self, relation: Relation, first: int | None, after: str | None) -> Connection:
        found = self._context.service.list_run_artifacts(self.info.path, relation)
        return version_page(self._context, found, first=first, after=after)

    @cached_property
    def _files(self) -> RunFiles:
        return RunFiles(self._context, self.info.path)

    def _remember(self, kind: Kind, document: dict[str, Any], size: int) -> None:
        if not self._context.client.is_training:
            self._context.shared.handed_out.remember(self._context.who, self.info.path, kind, document, size=size)

    def _rows(self, stream: Stream, samples: int | None, min_step: int | None, max_step: int | None) -> list[str]:
        if stream == "history" and min_step is not None and max_step is not None:
            min_step = self._scan_start(min_step, max_step)
        return whole_rows(
            self._context.service,
            self._context.shared.histories,
            self.info,
            stream=stream,
            samples=samples,
            min_step=min_step,
            max_step=max_step,
            budget=self._context.budget,
        )

    def _behind_exports(self, spec: Spec) -> Spec:
        if spec.min_step is None or spec.max_step is None:
            return spec
        return replace(spec, min_step=self._scan_start(spec.min_step, spec.max_step))

    def _scan_start(self, min_step: int, max_step: int) -> int:
        """Where the live rows of a page begin: who scans has those before from a file that ends within the page."""
        end = self._context.shared.exports.first_step_behind(self.info)
        return end if min_step < end < max_step else min_step

    def _tail(self, stream: Stream, row_count: int) -> str:
        """The last row as the text of a list that holds the text of the row."""
        if not row_count:
            return "[]"
        tail = self._context.service.read_tail(self.info.path, None, stream=stream, last=1)
        return dump_json_string([dump_json_string(row) for row in iter_rows(tail.history)])


class ResumableRunNode(RunNode):
    """A run as a process is told of it that asks whether it can go on with it."""

    @property
    def id(self) -> str:
        counts = {"history": self.historyLineCount, "events": self.eventsLineCount, "console": self.logLineCount}
        return resumed_node_id(self.info.path, counts)
