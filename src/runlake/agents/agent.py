"""`runlake.agent`: one agent of a sweep, for a function or for the sweep's command."""

from __future__ import annotations

import os
import threading

from runlake.agents.command_agent import Command, CommandAgent
from runlake.agents.environment import RunEnvironment
from runlake.agents.failures import Failures
from runlake.agents.function_agent import Function, FunctionAgent
from runlake.agents.link import AgentLink, Ending
from runlake.agents.paths import find_sweep
from runlake.errors import BadValueError, UsageError
from runlake.sdk import notices
from runlake.service.contract import Service
from runlake.service.open import open_service
from runlake.settings import Settings, current_folder, resolve
from runlake.sweep_model import SweepPath


def agent(
    sweep_id: str,
    function: Function | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    forward_signals: bool = False,
    term_timeout: int | None = None,
    max_consecutive_failed_runs: int | None = None,
    *,
    store: str | os.PathLike[str] | None = None,
) -> None:
    """Do runs of a sweep until it is over, or `count` of them; more agents, here or on other machines, share the work.

    `sweep_id` may be ``project/id`` or ``entity/project/id``; `store` is the folder or the address of the server
    that it is in, else as the settings have it. `function` is called once for each run; the ``runlake.init()`` in it
    begins the run, with the parameters in its config. Without a function the command of the sweep is started for each
    run, and has `term_timeout` seconds to end when it is stopped. A run that raises is marked failed and the agent goes
    on; it stops, and says why, after three failures in its first minute, when its first five runs all failed, or when
    `max_consecutive_failed_runs` failed in a row. When the sweep stops a run, the function sees a KeyboardInterrupt.
    Ctrl-C ends the run as killed, and the agent. `forward_signals` is W&B's; signals always reach the commands.

    `NotFoundError` where there is no such sweep; while a server does not answer, the agent waits. `UsageError` outside
    of the main thread.
    """
    if function is not None and threading.current_thread() is not threading.main_thread():
        raise UsageError("an agent calls its function in the main thread; for several agents start several processes")
    settings = resolve({"agent_kill_delay_s": term_timeout}, os.environ, current_folder())
    service = open_service(store)
    try:
        path = find_sweep(sweep_id, service, settings, entity=entity, project=project)
        run_agent(
            service, settings, path, function, count=count, max_consecutive_failed_runs=max_consecutive_failed_runs
        )
    finally:
        service.close()


def run_agent(
    service: Service,
    settings: Settings,
    path: SweepPath,
    function: Function | None = None,
    *,
    count: int | None = None,
    worker_count: int = 1,
    max_consecutive_failed_runs: int | None = None,
) -> Ending:
    """An agent of a sweep in this store; why it ended. `worker_count` commands run at once."""
    for name, number in (("count", count), ("max_consecutive_failed_runs", max_consecutive_failed_runs)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise BadValueError(f"{name} is {number!r}; it must be a whole number of at least 1, or None")
    say = _mute if settings.silent else notices.say
    failures = Failures(settings, max_consecutive=max_consecutive_failed_runs)
    link = AgentLink(service, path, settings, say=say)
    command = Command(link.sweep.config) if function is None else None
    link.join()
    say(f"agent {link.agent_id} works for sweep {link.sweep.name}, {path}")
    with RunEnvironment(service.url, path) as environment:
        worker: FunctionAgent | CommandAgent
        if function is not None:
            worker = FunctionAgent(link, environment, failures, function, count=count, say=say)
        else:
            assert command is not None, "without a function there is a command"
            worker = CommandAgent(
                link,
                environment,
                failures,
                command,
                count=count,
                worker_count=worker_count,
                kill_delay_s=settings.agent_kill_delay_s,
                say=say,
            )
        ending = worker.run()
    say(f"agent {link.agent_id} ended: {ending.reason}")
    return ending


def _mute(_text: str) -> None:
    pass
