"""A sweep as a reader sees it: what it searches, its runs, which of them is best, and what mattered."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import msgspec
import pyarrow as pa

from runlake.api import notebook
from runlake.api.frame import table_to_pandas, table_to_polars
from runlake.api.paths import web_address
from runlake.api.people import User
from runlake.api.ranking import NEVER_BEST, JudgedRun, best_first, goal_of, judge_runs, metric_name_of
from runlake.api.run_links import RunLinks
from runlake.api.runs import DEFAULT_ORDER, Runs
from runlake.api.stored_run import StoredRun
from runlake.api.wandb_names import also_named
from runlake.clean_text import one_line
from runlake.errors import NotFoundError, warn
from runlake.model import RunInfo
from runlake.plain import iso_time
from runlake.query.runs.filter import FIELDS
from runlake.service.contract import Service
from runlake.sweep_model import AgentInfo, SweepEdit, SweepInfo, SweepPath, SweepState

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from runlake.search.importance import ParameterImportance

_SUMMARY = "summary_metrics."
_SUMMARIES = (_SUMMARY, "summary.")


@also_named(display_name="name", displayName="name", runCount="run_count", createdAt="created_at")
class Sweep:
    """One sweep of a store. What was read stays as it is until `load(force=True)`."""

    def __init__(
        self,
        service: Service,
        info: SweepInfo,
        links: RunLinks,
        *,
        on_delete: Callable[[SweepPath], None] = lambda path: None,
    ) -> None:
        self._service = service
        self._info = info
        self._runs: Runs | None = None
        self._links = links
        self._on_delete = on_delete

    # What it is

    @property
    def id(self) -> str:
        return self._info.sweep_id

    @property
    def name(self) -> str:
        return self._info.name

    @property
    def entity(self) -> str:
        return self._info.entity

    @property
    def project(self) -> str:
        return self._info.project

    @property
    def path(self) -> list[str]:
        """Entity, project and sweep id."""
        return list(self._info.path)

    @property
    def url(self) -> str:
        """Where the sweep is: its place in a store of files, its page on a server."""
        return web_address(self._service.url, self._info.path)

    @property
    def state(self) -> str:
        """``PENDING`` (no agent came yet), ``RUNNING``, ``PAUSED``, ``FINISHED`` or ``CANCELED``."""
        return self._info.state

    @property
    def config(self) -> dict[str, Any]:
        """The configuration that it was made with."""
        return copy.deepcopy(self._info.config)

    @property
    def method(self) -> str:
        """``grid``, ``random`` or ``bayes``."""
        return str(self._info.config["method"])

    @property
    def metric(self) -> dict[str, Any] | None:
        """The `name` and `goal` of what it searches for; None where it has none."""
        metric: dict[str, Any] | None = self.config.get("metric")
        return metric and {**metric, "goal": goal_of(self._info)}

    @property
    def order(self) -> str | None:
        """The order of runs in which the best one comes first, like ``-summary_metrics.acc``; None without a metric."""
        name = metric_name_of(self._info)
        return None if name is None else f"{'-' if goal_of(self._info) == 'maximize' else '+'}{_SUMMARY}{name}"

    @property
    def description(self) -> str | None:
        return self._info.description

    @property
    def user(self) -> User | None:
        """Who made it."""
        return None if self._info.user is None else User(self._info.user)

    @property
    def username(self) -> str | None:
        return self._info.user

    @property
    def created_at(self) -> str:
        """ISO time in UTC."""
        return iso_time(self._info.created_at)

    @property
    def updated_at(self) -> str:
        """When something was last decided in it; ISO time in UTC."""
        return iso_time(self._info.updated_at)

    @property
    def run_count(self) -> int:
        """How many runs were handed out and not given up."""
        return self._info.run_count

    @property
    def expected_run_count(self) -> int | None:
        """How many runs there will be; None where that is open."""
        return self._info.expected_run_count

    @property
    def prior_runs(self) -> list[str]:
        """The ids of the runs of before that it learns from."""
        return list(self._info.prior_run_ids)

    # Runs and agents

    @property
    def runs(self) -> Runs:
        """The runs of the sweep, oldest first, read when they are first asked for."""
        if self._runs is None:
            self._runs = self._list_runs()
        return self._runs

    @property
    def best_loss(self) -> float | None:
        """The value of the sweep's metric in its best run; None while there is none."""
        goal = goal_of(self._info)
        best = best_first(judge_runs(self._info, self._read_runs()), goal)
        return best[0].value if best else None

    def best_run(self, order: str | None = None) -> StoredRun | None:
        """The best run by the sweep's metric, or the first one in `order`; None when there is none.

        A field of runs may be an order, and a metric by its bare name: ``+loss`` takes the lowest, ``-acc`` the
        highest; without a sign the sweep's own metric has its goal, and others the lowest.

        A run that failed or crashed, or has no finite value of the metric, is never the best. Where `define_metric`
        keeps several aggregates of the metric, the one that the goal asks for counts.
        """
        order = order or self.order
        if order is None:
            warn(
                f"sweep {self._info.path} has no metric, so no run is the best; pass order='-summary_metrics.<metric>'",
                has_prefix=False,
            )
            return None
        field = order.strip().lstrip("+-")
        if field not in FIELDS and not field.startswith(("config.", *_SUMMARIES)):
            sign = "-" if order.strip().startswith("-") else "+"
            is_own = order.strip() == metric_name_of(self._info) and self.order is not None
            order = str(self.order) if is_own else f"{sign}{_SUMMARY}{field}"
            field = order[1:]
        if not field.startswith(_SUMMARIES):
            may_be_best = {"$and": [{"state": {"$nin": list(NEVER_BEST)}}, {field: {"$exists": True}}]}
            return next(iter(self._list_runs(may_be_best, order)), None)
        goal = "maximize" if order.strip().startswith("-") else "minimize"
        judged = judge_runs(self._info, self._read_runs(), metric=field.partition(".")[2], goal=goal)
        best = best_first(judged, goal)
        return StoredRun(self._service, best[0].run, self._links) if best else None

    def agents(self) -> list[Agent]:
        """Who began runs of it, in the order they came."""
        return [Agent(self._service, self._info.path, info, self._links) for info in self._info.agents]

    def agent(self, agent_id: str) -> Agent:
        """One agent; `NotFoundError` when there is none of that id."""
        for agent in self.agents():
            if agent.id == agent_id:
                return agent
        raise NotFoundError(f"sweep {self._info.path} has no agent {agent_id!r}; sweep.agents() lists them")

    def importance(self) -> Importances:
        """How much each parameter matters to the metric, as a random forest sees it, and its correlation with it.

        The most important one first. Raises `BadValueError` when fewer than two runs have a value of the metric, and
        `NotSupportedError` without scikit-learn.
        """
        return importance_of(self._info, judge_runs(self._info, self._read_runs()))

    # What may be done with it

    def stop(self) -> None:
        """Hand out no more runs; those that run go on to their end."""
        self._edit("FINISHED")

    def pause(self) -> None:
        """Hand out no runs until `resume()`. `ConflictError` when it is over."""
        self._edit("PAUSED")

    def resume(self) -> None:
        """Hand out runs again. `ConflictError` when it was canceled."""
        self._edit("RUNNING")

    def cancel(self) -> None:
        """Hand out no more runs, and stop those that run."""
        self._edit("CANCELED")

    def delete(self) -> None:
        """Remove the sweep. Its runs stay; its agents find that it is gone, and leave."""
        self._service.delete_sweep(self._info.path)
        self._on_delete(self._info.path)

    def load(self, force: bool = False) -> Sweep:
        """With `force`, read the sweep anew, and its runs when they are next asked for."""
        if force:
            self._take(self._service.read_sweep(self._info.path))
        return self

    def _edit(self, state: SweepState) -> None:
        self._take(self._service.edit_sweep(self._info.path, SweepEdit(state=state)))

    def _take(self, info: SweepInfo) -> None:
        self._info, self._runs = info, None

    def _list_runs(self, filters: Mapping[str, Any] | None = None, order: str = DEFAULT_ORDER) -> Runs:
        return Runs(
            self._service,
            self.entity,
            self.project,
            self._links,
            filters={"sweep": self.id, **(filters or {})},
            order=order,
        )

    def _read_runs(self) -> Sequence[RunInfo]:
        return self._service.list_runs(self.entity, self.project, filters={"sweep": self.id}).runs

    def __repr__(self) -> str:
        return one_line(f"<Sweep {self._info.path} ({self.state})>")

    def _repr_html_(self) -> str:
        return notebook.sweep_page(self._info, judge_runs(self._info, self._read_runs()))


class Agent:
    """One agent of a sweep, as it was when the sweep was read."""

    def __init__(self, service: Service, sweep: SweepPath, info: AgentInfo, links: RunLinks) -> None:
        self._service = service
        self._links = links
        self._sweep = sweep
        self._info = info

    @property
    def id(self) -> str:
        return self._info.agent_id

    @property
    def name(self) -> str:
        return self._info.agent_id

    @property
    def host(self) -> str | None:
        return self._info.host

    @property
    def state(self) -> str:
        """``running``, ``finished`` or ``crashed``."""
        return self._info.state

    @property
    def created_at(self) -> str:
        """ISO time in UTC."""
        return iso_time(self._info.created_at)

    @property
    def heartbeat_at(self) -> str:
        """When it last showed a sign of life; ISO time in UTC."""
        return iso_time(self._info.heartbeat_at)

    def runs(self, per_page: int = 50) -> Runs:
        """The runs that it was handed, oldest first."""
        mine = {"sweep": self._sweep.sweep_id, "name": {"$in": list(self._info.run_ids)}}
        entity, project, _ = self._sweep
        return Runs(self._service, entity, project, self._links, filters=mine, per_page=per_page)

    def __repr__(self) -> str:
        return one_line(f"<Agent {self.id} ({self.state})>")


class Sweeps(Sequence[Sweep]):
    """The sweeps of a project, oldest first."""

    def __init__(self, entity: str, project: str, sweeps: Iterable[Sweep]) -> None:
        self.entity = entity
        self.project = project
        self._sweeps = list(sweeps)

    @overload
    def __getitem__(self, index: int) -> Sweep: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sweep]: ...
    def __getitem__(self, index: int | slice) -> Sweep | list[Sweep]:
        return self._sweeps[index]

    def __len__(self) -> int:
        return len(self._sweeps)

    def __repr__(self) -> str:
        return one_line(f"<Sweeps {self.entity}/{self.project}>")


class Importances(list["ParameterImportance"]):
    """The parameters of a sweep, the most important one first.

    Each has its `name`, `importance` (all together are 1), `correlation` with the metric (-1 to 1, None where there is
    none) and `run_count`, of how many runs that speaks.
    """

    def to_arrow(self) -> pa.Table:
        """One row a parameter: name, importance, correlation, run_count."""
        schema = {"name": pa.string(), "importance": pa.float64(), "correlation": pa.float64(), "run_count": pa.int64()}
        return pa.Table.from_pylist([msgspec.structs.asdict(one) for one in self], schema=pa.schema(schema))

    def to_pandas(self) -> pd.DataFrame:
        """`to_arrow` as a DataFrame."""
        return table_to_pandas(self.to_arrow())

    def to_polars(self) -> pl.DataFrame:
        """`to_arrow` as a Polars DataFrame."""
        return table_to_polars(self.to_arrow())


def importance_of(sweep: SweepInfo, judged: Sequence[JudgedRun]) -> Importances:
    """What `Sweep.importance` answers, of runs that were read and judged already."""
    from runlake.search.importance import parameter_importance

    params, values = [one.params for one in judged], [one.value for one in judged]
    return Importances(parameter_importance(params, values, seed=sweep.seed))
