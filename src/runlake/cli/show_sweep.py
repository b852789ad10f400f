"""``runlake show`` of a sweep: how far it is, its best runs, and which parameters made them so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runlake.cli import output
from runlake.cli.documents import judged_document, sweep_document
from runlake.cli.format import NOTHING, format_number, format_time, format_value, shorten
from runlake.cli.sparkline import bar, sparkline
from runlake.errors import BadValueError, NotSupportedError
from runlake.sweep_model import AgentInfo, SweepInfo, SweepPath

if TYPE_CHECKING:
    from runlake.api.ranking import JudgedRun
    from runlake.api.sweep import Importances
    from runlake.service.contract import Service

BEST_LIMIT = 10
_PARAM_WIDTH = 30


def show_sweep(service: Service, path: SweepPath, *, as_json: bool) -> None:
    """Print a sweep on one page, or as one document."""
    from runlake.api.ranking import best_first, best_so_far, goal_of, judge_runs
    from runlake.api.sweep import Importances, importance_of

    info = service.read_sweep(path)
    runs = service.list_runs(path.entity, path.project, filters={"sweep": path.sweep_id}).runs
    judged, goal = judge_runs(info, runs), goal_of(info)
    best, course = best_first(judged, goal), best_so_far(judged, goal)
    importance, remark = Importances(), ""
    try:
        importance = importance_of(info, judged)
    except BadValueError:
        pass  # too few runs have a value
    except NotSupportedError as error:
        remark = str(error)
    states = Counter[str](run.state for run in runs)
    if as_json:
        document = {
            **sweep_document(info),
            "run_states": dict(sorted(states.items())),
            "best_runs": [judged_document(one) for one in best[:BEST_LIMIT]],
            "course": [
                {"run_id": one.run.run_id, "value": one.value, "best_so_far": reached}
                for one, reached in zip(_with_value(judged), course, strict=True)
            ],
            "importance": [
                {
                    "name": one.name,
                    "importance": one.importance,
                    "correlation": one.correlation,
                    "run_count": one.run_count,
                }
                for one in importance
            ],
        }
        output.print_json(document)
        return
    output.print_heading(f"{path.entity}/{path.project}/sweeps/{path.sweep_id}  {info.name}")
    output.print_table(("", ""), _facts(info, states), indent=2)
    output.print_values("Config", info.config)
    _print_course(_with_value(judged), course)
    _print_best(info, best)
    _print_importance(importance)
    _print_agents(info.agents)
    if remark:
        output.note(remark)


def runs_in_short(info: SweepInfo) -> str:
    """How many runs were handed out, and of how many."""
    expected = "" if info.expected_run_count is None else f"/{info.expected_run_count:,}"
    return f"{info.run_count:,}{expected}"


def _with_value(judged: Sequence[JudgedRun]) -> list[JudgedRun]:
    return [one for one in judged if one.value is not None]


def _facts(info: SweepInfo, states: Counter[str]) -> list[tuple[str, str]]:
    from runlake.api.ranking import goal_of, metric_name_of

    metric = metric_name_of(info)
    counts = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    facts = [
        ("state", f"{info.state} ({info.reason})" if info.reason else info.state),
        ("method", info.config["method"]),
        ("metric", f"{metric} ({goal_of(info)})" if metric else ""),
        ("runs", f"{runs_in_short(info)} ({counts})" if counts else runs_in_short(info)),
        ("created", format_time(info.created_at)),
        ("last decision", format_time(info.updated_at)),
        ("description", info.description or ""),
        ("user", info.user or ""),
        ("prior runs", ", ".join(info.prior_run_ids)),
        ("seed", str(info.seed)),
    ]
    return [(word, fact) for word, fact in facts if fact]


def _print_course(judged: Sequence[JudgedRun], course: Sequence[float]) -> None:
    if not judged:
        return
    values = [one.value for one in judged if one.value is not None]
    output.print_line()
    output.print_heading("Course")
    rows = [
        (word, f"{len(line):,}", format_number(line[0]), format_number(line[-1]), sparkline(line))
        for word, line in (("value", values), ("best so far", course))
    ]
    columns = ("", "RUNS", "FIRST", "LAST", "OLDEST TO NEWEST")
    output.print_table(columns, rows, right=("RUNS", "FIRST", "LAST"), indent=2)


def _print_best(info: SweepInfo, best: Sequence[JudgedRun]) -> None:
    if not best:
        return
    more = f" (the first {BEST_LIMIT} of {len(best):,})" if len(best) > BEST_LIMIT else ""
    shown = best[:BEST_LIMIT]
    names = list(dict.fromkeys(name for one in shown for name in one.params))
    rows = []
    for one in shown:
        cells = [shorten(format_param(one.params[name]), _PARAM_WIDTH) if name in one.params else "" for name in names]
        value = NOTHING if one.value is None else format_number(one.value)
        rows.append((one.run.run_id, one.run.name, one.run.state, value, *cells))
    output.print_line()
    output.print_heading(f"Best runs{more}")
    metric = info.config["metric"]["name"]
    output.print_table(("RUN", "NAME", "STATE", metric, *names), rows, right=(metric, *names), indent=2)


def format_param(value: object) -> str:
    """A parameter, numbers with up to six digits."""
    return format_number(value) if isinstance(value, float) else format_value(value)


def _print_importance(importance: Importances) -> None:
    if not importance:
        return
    output.print_line()
    output.print_heading("Parameters")
    rows = [
        (
            one.name,
            f"{one.importance:.3f}",
            NOTHING if one.correlation is None else f"{one.correlation:+.3f}",
            f"{one.run_count:,}",
            bar(one.importance),
        )
        for one in importance
    ]
    columns = ("PARAMETER", "IMPORTANCE", "CORRELATION", "RUNS", "")
    output.print_table(columns, rows, right=columns[1:4], indent=2)


def _print_agents(agents: Sequence[AgentInfo]) -> None:
    if not agents:
        return
    output.print_line()
    output.print_heading("Agents")
    rows = [
        (agent.agent_id, agent.host or "", agent.state, f"{len(agent.run_ids):,}", format_time(agent.heartbeat_at))
        for agent in agents
    ]
    output.print_table(("AGENT", "HOST", "STATE", "RUNS", "LAST SIGN OF LIFE"), rows, right=("RUNS",), indent=2)
