"""`init()`: settings → an opened run → what is attached to it, and the hooks that end it with the process.

A `Session` holds what a module-level API needs: the active run. Attached to a run are the console capture, the
system sampler, and a ticker that looks for a request to stop; all of them only call methods of `Run`.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, cast

from runlake.errors import warn
from runlake.model import RunPath, State
from runlake.names import new_run_id
from runlake.sdk.active_run import ActiveRun
from runlake.sdk.exit_hooks import ExitHooks, end_with_worker, interrupt_main_thread
from runlake.sdk.notices import say
from runlake.sdk.process.attachments import attach
from runlake.sdk.process.online import (
    IDLE_S,
    RESTART_AFTER_S,
    Shipping,
    is_online,
    start_shipping,
    wait_for,
)
from runlake.sdk.process.opening import open_where_it_belongs, program_file, program_key, remembered_id
from runlake.sdk.process.run_moment import moments
from runlake.sdk.process.ticker import TICK_S, Ticker
from runlake.sdk.run.backlog import FAULTS
from runlake.sdk.run.config import plain_config
from runlake.sdk.run.config_edits import merged
from runlake.sdk.run.config_source import read_config, read_defaults, read_file
from runlake.sdk.run.disabled import DisabledWriter
from runlake.sdk.run.run import Run
from runlake.settings import Settings, current_folder, is_server, names_given, resolve
from runlake.settings.table import ROWS
from runlake.store import side_process
from runlake.store.disk import remove, replace_file
from runlake.store.folder_store import FolderStore
from runlake.store.journal.folder import journal_of
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.stop_requests import StopRequestWatcher
from runlake.store.noting import append_change
from runlake.store.opening.inspect import RunInspector
from runlake.store.opening.writers import OpenedRun
from runlake.values import flatten


class Session:
    """The runs of one process; the module-level functions of `runlake` are methods of one such object.

    Every `tick_s` seconds each run looks at the outside world: see `Ticker`. A process that ships it and is gone is
    started anew at most every `restart_after_s`; whoever waits for a server that takes nothing gives up after `idle_s`.
    `interrupt` breaks into the training loop when somebody asked the run to stop. `inspector` looks at
    runs that exist; without one a process beside does. `limits` are those of its writers.
    """

    def __init__(
        self,
        active: ActiveRun | None = None,
        *,
        tick_s: float = TICK_S,
        restart_after_s: float = RESTART_AFTER_S,
        idle_s: float = IDLE_S,
        interrupt: Callable[[], None] = interrupt_main_thread,
        inspector: RunInspector | None = None,
        limits: WriterLimits | None = None,
    ) -> None:
        self._active = active or ActiveRun()
        self.tick_s, self.restart_after_s, self.idle_s = tick_s, restart_after_s, idle_s
        self.inspector, self.limits = inspector, limits
        self._interrupt = interrupt
        self._open_runs: weakref.WeakSet[Run] = weakref.WeakSet()
        self._held_runs: list[Run] = []
        self._hooks: ExitHooks | None = None
        self._stop_lock = threading.Lock()

    @property
    def run(self) -> Run | None:
        """The active run, if there is one; it may have ended."""
        return cast("Run | None", self._active.run)

    @run.setter
    def run(self, run: Run | None) -> None:
        self._active.run = run

    def init(
        self,
        entity: str | None = None,
        project: str | None = None,
        dir: str | os.PathLike[str] | None = None,
        id: str | None = None,
        name: str | None = None,
        notes: str | None = None,
        tags: Any = None,
        config: Any = None,
        config_exclude_keys: Any = None,
        config_include_keys: Any = None,
        allow_val_change: bool | None = None,
        group: str | None = None,
        job_type: str | None = None,
        mode: str | None = None,
        force: bool | None = None,
        reinit: Any = None,
        resume: Any = None,
        resume_from: str | None = None,
        fork_from: str | None = None,
        save_code: bool | None = None,
        tensorboard: bool | None = None,
        sync_tensorboard: bool | None = None,
        monitor_gym: bool | None = None,
        settings: Settings | Mapping[str, Any] | None = None,
        anonymous: Any = None,
        *,
        store: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        strict: bool | None = None,
    ) -> Run:
        """Begin a run and make it the active one; prints where it lies.

        `store` names the store: a folder, or the address of a server, for which `base_url` is the longer name. Without
        it the run goes where `Api()` and ``runlake ls`` look from the current folder. `dir` never beats a store that is
        named or found: where there is none, it makes ``dir/.runlake`` if `dir` is the current folder or one above it.

        A second call returns the active run in a script and ends it in a notebook (`reinit` chooses). An `id` that
        exists gets a new attempt unless `resume` says to go on, or ``mode="shared"`` that several processes write it.
        ``resume_from="run_id?_step=9"`` goes on behind step 9 of a run and hides what came later, ``fork_from`` begins
        a new run with the rows up to there. In a run of a sweep, entity, project, id and store are those that its agent
        says, and the sweep's parameters win over `config`. `force` and `anonymous` of W&B mean nothing here and are
        ignored. With `sync_tensorboard` the event files that this process writes from then on become rows too, with
        `monitor_gym` the videos that gym records become values, and `save_code` keeps the script or the notebook.
        """
        if isinstance(store, str) and is_server(store):
            store, base_url = None, base_url or store
        arguments = {
            "entity": entity, "project": project, "store": store, "root_dir": dir, "run_id": id, "name": name,
            "notes": notes, "tags": tags, "group": group, "job_type": job_type, "mode": mode, "reinit": reinit,
            "resume": resume, "base_url": base_url, "strict": strict, "settings": settings,
            "sync_tensorboard": sync_tensorboard or tensorboard,
            "monitor_gym": monitor_gym, "save_code": save_code,
        }  # fmt: skip
        chosen = resolve({k: v for k, v in arguments.items() if v is not None}, os.environ, current_folder())
        given_config = plain_config(read_config(config, include=config_include_keys, exclude=config_exclude_keys))
        if self.run is not None and self.run.state == "running":
            reuse = self._reuse_active(chosen)
            if reuse is not None:
                named = names_given(arguments)
                _tell_dropped(reuse, chosen, named, given_config)
                return reuse
        _tell_settled(chosen, {"entity": entity, "project": project, "run_id": id, "base_url": base_url})
        values = merged(plain_config(read_defaults(current_folder())), given_config)
        run = self._begin(chosen, values, bool(allow_val_change), *moments(chosen, resume_from, fork_from))
        if chosen.ignored:
            warn(f"settings without a meaning here are ignored: {', '.join(chosen.ignored)}")
        self.run = run
        return run

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the active run, if there is one."""
        if self.run is not None:
            self.run.finish(exit_code, quiet)

    def active(self, what: str) -> Run:
        """The active run; NotStartedError names what was asked of it."""
        return cast("Run", self._active.needed_for(what))

    def _reuse_active(self, settings: Settings) -> Run | None:
        assert self.run is not None
        reinit = settings.reinit
        if reinit == "create_new":
            return None
        if reinit == "finish_previous" or (reinit == "default" and in_notebook()):
            self.run.finish()
            return None
        return self.run

    def _begin(
        self,
        settings: Settings,
        config: dict[str, Any],
        allow_val_change: bool,
        rewind: tuple[RunPath, int] | None,
        fork: tuple[RunPath, int] | None,
    ) -> Run:
        resumes_last = settings.resume == "auto" and settings.run_id is None
        layout = FolderStore(settings.store)
        project_dir = layout.project_dir(settings.entity, settings.project)
        memory = project_dir / f"resume-{program_key(settings)}" if resumes_last else None
        run_id = settings.run_id or (remembered_id(memory) if memory else None) or new_run_id()
        path = rewind[0] if rewind else RunPath(settings.entity, settings.project, run_id)
        params = read_file(settings.sweep_param_path) if settings.sweep_param_path is not None else {}
        config = merged(config, plain_config(params))
        if settings.mode == "disabled":
            opened = OpenedRun(path, DisabledWriter(), run_id, run_id)  # type: ignore[arg-type]
            return Run(opened, layout, settings, config=config, name=settings.name or run_id, locked=params)
        prepare_later: list[Run] = []
        is_primary = False if settings.update_finish_state is False else settings.primary
        start = {
            "name": settings.name,
            "tags": list(settings.tags) or None,
            "notes": settings.notes,
            "group": settings.group,
            "job_type": settings.job_type,
            "user": settings.username,
            "host": settings.host,
            "program": settings.program or program_file(),
            "sweep": settings.sweep_id,
            "set": flatten(config, stringify_keys=True),
            **({} if is_primary is None else {"primary": is_primary}),
            **({} if fork is None else {"forked_from": f"{fork[0]}?_step={fork[1]}"}),
        }
        opened = open_where_it_belongs(
            layout,
            path,
            start,
            settings,
            rewind_to=rewind[1] if rewind else None,
            fork_from=fork,
            prepare=lambda data, step: prepare_later[0].prepare(data, step),
            inspector=self.inspector,
            limits=self.limits,
        )
        before = opened.before
        config = merged(before.config, config) if before else config
        name = opened.name or opened.path.run_id
        run = Run(opened, layout, settings, config=config, name=name, allow_val_change=allow_val_change, locked=params)
        prepare_later.append(run)
        if memory is not None:
            replace_file(memory, run_id.encode())
        self._attach(run, memory)
        _say_where(run)
        return run

    def _attach(self, run: Run, memory: Path | None) -> None:
        shipping = start_shipping(run, restart_after_s=self.restart_after_s, idle_s=self.idle_s)
        detach = _attach_what_can_be(run)
        journal = journal_of(FolderStore(run.settings.store), run.run_path)
        watch = StopRequestWatcher(journal, run.generation, run.writer_id)
        beside = None if shipping is None else shipping.look_after
        ticker = Ticker(run, watch, lambda: self.stop(run), beside, interval_s=self.tick_s)
        ticker.start()
        self._open_runs.add(run)
        end_with_worker(weakref.WeakMethod(run.end))
        if self._hooks is not None:
            self._hooks.move_here()
        else:
            self._hooks = ExitHooks(self.end_all)
            self._hooks.install()
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(
                    before=self.before_fork, after_in_parent=self.after_fork, after_in_child=self.enter_child
                )

        def finishing() -> None:
            ticker.stop()
            detach()

        def finished() -> None:
            if memory is not None and run.state == "finished":
                remove(memory)
            _tell_and_seal(run, shipping)

        run.on_finishing, run.on_finished = finishing, finished

    def stop(self, run: Run) -> None:
        """Somebody asked the run to stop: the training loop sees a KeyboardInterrupt, as with Ctrl-C, once."""
        with self._stop_lock:
            is_first, run.is_stop_requested = not run.is_stop_requested, True
        if is_first:
            self._interrupt()

    def end_all(self, exit_code: int, state: State | None = None) -> None:
        """End every run that is still open; called when the process ends."""
        for run in list(self._open_runs):
            run.end(exit_code, state)

    def before_fork(self) -> None:
        """Wait until no thread is in the midst of a row."""
        runs = list(self._open_runs)
        for run in runs:
            run.hold()
        self._held_runs = runs

    def after_fork(self) -> None:
        """In the parent: let the threads go on."""
        runs, self._held_runs = self._held_runs, []
        for run in runs:
            run.release()

    def enter_child(self) -> None:
        """In a forked child: every open run gets a writer of its own when it first writes."""
        self._held_runs = []
        for run in list(self._open_runs):
            run.enter_child()


def _attach_what_can_be(run: Run) -> Callable[[], None]:
    """What goes on beside a run; a disk that refuses its files does not stop the training."""
    try:
        return attach(run)
    except FAULTS as error:
        if run.settings.strict:
            raise
        warn(f"run {run.path} goes without console lines, system metrics and metadata: {error}")
        return lambda: None


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel."""
    shell = sys.modules.get("IPython")
    active = shell.get_ipython() if shell is not None else None
    return active is not None and hasattr(active, "kernel")


_NOT_OF_A_RUN = {"reinit", "resume", "silent", "quiet", "root_dir"}
"""What a second `init` may say otherwise without a run being another by it."""


def _tell_dropped(run: Run, chosen: Settings, named: Collection[str], config: Mapping[str, Any]) -> None:
    """A second `init` gives the active run: what it was asked for, and that run is not, is told."""
    of_run = {
        **run.settings.as_dict(),
        "entity": run.entity,
        "project": run.project,
        "run_id": run.id,
        "name": run.name,
    }
    of_run |= {"tags": run.tags, "notes": run.notes, "group": run.group, "job_type": run.job_type}
    dropped = [
        f"{row.name}={getattr(chosen, row.name)!r:.80}"
        for row in ROWS
        if row.name in named and row.name not in _NOT_OF_A_RUN and getattr(chosen, row.name) != of_run[row.name]
    ]
    present = run.config.as_dict()
    keys = [key for key, value in config.items() if key not in present or present[key] != value]
    if keys:
        dropped.append(f"config with {', '.join(map(repr, keys[:10]))}" + (", …" if keys[10:] else ""))
    if dropped:
        warn(
            f"init() gives run {run.path}, which is active, and leaves out {'; '.join(dropped)}. For another run say "
            'finish() before, or reinit="finish_previous" or "create_new"; config goes into run.config.update()'
        )


def _tell_settled(settings: Settings, asked: Mapping[str, Any]) -> None:
    if settings.sweep_id is not None:
        names = [name for name, value in asked.items() if value is not None and value != getattr(settings, name)]
        if names:
            told = ", ".join(names)
            warn(f"in a run of sweep {settings.sweep_id} its agent says {told}; what init() was given is ignored")


def _say_where(run: Run) -> None:
    if not run.settings.silent:
        goes_on = " (resumed)" if run.resumed else ""
        place = run.settings.base_url if is_online(run.settings) else run.settings.store
        say(f"run {run.name}{goes_on} is {run.path} in {place}")


def _tell_and_seal(run: Run, shipping: Shipping | None) -> None:
    settings = run.settings
    try:
        append_change(FolderStore(settings.store), run.run_path, run.writer_id, "finish", run.incarnation)
        if settings.seal == "detached" and shipping is None:
            side_process.start_detached("runlake.store.compact.after_finish", [str(Path(run.dir).parent)])
        if shipping is not None:
            wait_for(run, shipping)
    except FAULTS as error:
        warn(
            f"run {run.path} ended well, but could not be announced or sealed ({error}); `runlake seal` makes up for it"
        )
    if not settings.silent and not settings.quiet:
        say(f"run {run.name} {run.state}; read it with runlake.Api().run({run.path!r})")
