"""`Run`: what a user has in hand. What its calls need beside the journal is loaded when the first of them is made."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from runlake.media.left_out import left_out, strictly
from runlake.sdk.notices import say
from runlake.sdk.run import reading
from runlake.sdk.run.run_writer import RunWriter
from runlake.store.journal import record

if TYPE_CHECKING:
    from runlake.artifacts.artifact import Artifact
    from runlake.artifacts.earlier import EarlierFiles
    from runlake.artifacts.kept import Sender
    from runlake.sdk.run.alerts import AlertLevel, Alerts
    from runlake.sdk.run.artifact_calls import ArtifactCalls
    from runlake.sdk.run.watch import Watcher

LOGS_FILE = "logs.txt"


class RunStatus(NamedTuple):
    """How much of a run is where it is to go: see `Run.status`."""

    sync_items_total: int
    sync_items_pending: int
    sync_time: datetime.datetime | None = None


class Run(RunWriter):
    """A run being written; made by `runlake.init`. A context manager: an exception inside makes it `failed`."""

    _alerts: Alerts | None = None
    _watcher: Watcher | None = None
    _artifact_calls: ArtifactCalls | None = None
    artifact_sender: Sender | None = None
    """Who brings artifacts of an online run to its server: `Artifact.wait` waits for it."""

    # What W&B's runs have, and runlake says under another name or need not say

    def leave_out(self, message: str) -> None:
        """Warn, the first time, of what a call does not do (yet).

        A strict run raises `NotSupportedError` instead, a disabled one says nothing.
        """
        if not self.disabled:
            with strictly(self._settings.strict):
                left_out(message)

    def get_project_url(self) -> str:
        """The same as `project_url`."""
        return self.project_url

    def get_sweep_url(self) -> str | None:
        """The same as `sweep_url`."""
        return self.sweep_url

    def project_name(self) -> str:
        """The same as `project`."""
        return self.run_path.project

    def join(self, exit_code: int | None = None) -> None:
        """The same as `finish`."""
        self.finish(exit_code)

    def restore(self, name: str, run_path: str | None = None, replace: bool = False, root: str | None = None) -> Any:
        """A file of this run, or of the run at `run_path`, copied to `root` and open for reading.

        Without `root` it is copied into the folder of this run's files. None where the run is disabled.
        """
        if self.disabled:
            return None
        place = self.dir if root is None else root
        if run_path:
            return reading.restore(name, run_path, replace, place)
        return reading.restore(name, str(self.run_path), replace, place, store=self._layout.root)

    def write_logs(self, text: str) -> None:
        """Keep text with the run, in its file ``logs.txt``: it does not come among the printed lines."""
        self.leave_out(f"what write_logs() is given is kept in {LOGS_FILE}, not among the printed lines")
        if not self.disabled:
            with (Path(self.dir) / LOGS_FILE).open("a", encoding="utf-8") as file:
                file.write(text)

    def pin_config_keys(self, keys: Sequence[str] = ()) -> None:
        """Do nothing: it says which keys W&B's page shows first."""

    # Artifacts

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
    ) -> Artifact:
        """Keep an artifact as the next version of its collection in the project; answers the artifact.

        A file, a folder or an address is made an artifact of that name first; without `name` it is called
        ``run-<id>-<file name>``. Files that a version of the collection has already make no new one: that version
        gets the aliases. It is kept when this returns; of an online run ``wait()`` waits until the server has it.
        """
        step = self.step - 1 if self.step > 0 else None
        return self._artifacts().log(artifact_or_path, name, type, aliases=aliases, tags=tags, history_step=step)

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add files to a version that several processes make together, until one calls `finish_artifact`.

        They share the folder of the store and `distributed_id`, which is the run's group where it is not given.
        """
        return self._artifacts().add_part(artifact_or_path, name, type, aliases=aliases, distributed_id=distributed_id)

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Make the version of all that was added by `upsert_artifact` under this `distributed_id`, and of these."""
        return self._artifacts().finish(artifact_or_path, name, type, aliases=aliases, distributed_id=distributed_id)

    def use_artifact(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """A version by ``name:alias`` or ``name:v3``, and note that this run used it; `type` is what it must be of.

        The project, or entity and project, may stand before the name. An artifact that is kept nowhere yet is logged
        by this run. Raises `NotFoundError` for a name that is not there.
        """
        return self._artifacts().use(artifact_or_name, type, aliases=aliases, use_as=use_as)

    def link_artifact(self, artifact: Artifact, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """Link an artifact to a portfolio, ``name``, ``project/name`` or ``entity/project/name``: answers the link.

        One that is kept nowhere yet is logged first. Aliases are those of the link.
        """
        return self._artifacts().link(artifact, target_path, aliases)

    def link_model(
        self,
        path: str | os.PathLike[str],
        registered_model_name: str,
        name: str | None = None,
        aliases: list[str] | None = None,
    ) -> Artifact | None:
        """Keep a model as `log_model` does, and link it to the portfolio `registered_model_name`: answers the link."""
        return self._artifacts().link_model(path, registered_model_name, name, aliases)

    def log_model(
        self, path: str | os.PathLike[str], name: str | None = None, aliases: list[str] | None = None
    ) -> str | None:
        """Keep a model: a file, or a folder with all that is in it, as an artifact of the type ``model``.

        Answers the name to use it by; without `name` that is ``run-<id>-<file name>``. None where the disk refused it.
        Raises `PathError` for a path that is not there.
        """
        return self._artifacts().log_model(path, name, aliases)

    def use_model(self, name: str) -> str:
        """Fetch a model by ``name``, ``name:alias`` or ``name:v3``: answers its file, or the folder of its files.

        They are brought below ``./artifacts``. Models that earlier versions of runlake kept as files of runs are found
        too, as ``name`` or ``run_id/name``. Raises `NotFoundError`; of a disabled run the path leads nowhere.
        """
        if self.disabled:
            return os.path.join(self.dir, "models", name)  # noqa: PTH118 (W&B answers text)
        return self._artifacts().use_model(name)

    def log_code(
        self,
        root: str | os.PathLike[str] | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> Artifact | None:
        """Keep the source files below `root` as an artifact of the type ``code``: answers it, None for no files.

        Without `name` it is called ``source-<project>-<program>``. In a git checkout these are the files that git knows
        or would add. `include_fn` says which of them (without it: Python, Cython, requirements, pyproject.toml and
        Dockerfiles), `exclude_fn` which of those not; both are called with a path, or with a path and the root. Files
        beyond 10 MiB, or 200 MiB in all, are left out and named in a warning. Raises `PathError` when `root` is no
        folder.
        """
        return self._artifacts().log_code(root, name, include_fn, exclude_fn)

    def _earlier_files(self, name: str) -> EarlierFiles | None:
        return self._artifacts().earlier_files(name)

    def _artifacts(self) -> ArtifactCalls:
        if self._artifact_calls is None or self._artifact_calls.pid != os.getpid():
            from runlake.sdk.run.artifact_calls import open_artifact_calls

            self._artifact_calls = open_artifact_calls(
                self._layout,
                self.run_path,
                self._settings,
                group=self.group,
                sender=self.artifact_sender,
                tell_not_kept=self._tell_not_kept,
            )
        return self._artifact_calls

    # Alerts, watched networks

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = "INFO",
        wait_duration: float | datetime.timedelta | None = 0,
    ) -> None:
        """Keep an alert with the run, and print it to stderr unless the run is silent.

        `level` is INFO, WARN or ERROR. One whose title was kept less than `wait_duration` seconds (or a timedelta) ago
        is dropped. It is as durable as a row when the call returns; nothing is sent anywhere. Readers find it in
        `StoredRun.alerts`.
        """
        from runlake.sdk.run.alerts import Alerts

        with self._lock:
            if self._alerts is None:
                self._alerts = Alerts(self._write_alert)
            self._alerts.alert(title, text, level, wait_duration)

    def _write_alert(self, body: Mapping[str, Any]) -> None:
        self._record(record.ALERT, body)
        if not self._settings.silent and not self.disabled:
            say(f"{body['level']} {body['title']}: {body['text']}")

    def _tell_not_kept(self, what: str, error: Exception) -> None:
        if self._settings.strict:
            raise error
        self._warn(f"not kept: {what}", f"{what} could not be kept with run {self.path}: {error}")

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: Literal["gradients", "parameters", "all"] | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Log histograms of the gradients or parameters of a PyTorch model, or of several, while they train.

        Each `log_freq`-th pass they join the row that is open: ``gradients/<parameter>`` is taken in the backward pass,
        ``parameters/<parameter>`` in the forward pass; `log` picks one, ``"all"`` or None of them. The second model's
        keys have ``graph_1`` before the name of the parameter; `idx` is the number to begin with. `criterion` has no
        meaning here, and the graph of a model is not recorded. It ends with the run, or with `unwatch`.
        """
        from runlake.sdk.run.watch import Watcher

        with self._lock:
            if self._watcher is None:
                self._watcher = Watcher(self._log_watched)
            self._watcher.watch(models, criterion, log, log_freq, idx, log_graph)

    def _log_watched(self, values: Mapping[str, Any]) -> None:
        with self._lock:  # another thread may be at `finish` while this one is in its backward pass
            if self._state == "running":
                self.log(values, commit=False)

    def unwatch(self, models: Any = None) -> None:
        """Stop watching one model, several, or all."""
        with self._lock:
            if self._watcher is not None:
                self._watcher.unwatch(models)

    def _before_last_row(self) -> None:
        self.unwatch()

    def mark_preempting(self) -> None:
        """Say that the machine is about to be taken away: the run reads as ``preempting`` while it lives.

        If it then ends by a signal, with an exit code other than 0 or without a word, it reads as ``preempted``, and
        may be gone on with by ``init(id=…, resume="allow")``. If it ends well after all it is ``finished``.
        """
        self._record(record.STATE, {"state": "preempting"})
        self._is_preempting = True

    def status(self) -> RunStatus:
        """What this process has written, under the names W&B has.

        `sync_items_total` counts rows, printed lines and samples of the machine, `sync_items_pending` what the disk has
        refused so far and is tried again; `sync_time` is None: nothing is sent anywhere.
        """
        with self._lock:
            pending_count = len(self._backlog)
            return RunStatus(sum(self._writer.row_counts().values()) + pending_count, pending_count)

    def get_url(self) -> str:
        """The same as `url`."""
        return self.url

    def _label(self, repo: str | None = None, code: str | None = None, **labels: Any) -> None:
        """Integrations tell W&B by which library a run was made; here nobody asks, and the call does nothing."""

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The run as a notebook shows it: its name, state and path. The arguments are those of W&B's page."""
        return self._repr_html_()

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run in the notebook; answers whether there is one."""
        ipython: Any = sys.modules.get("IPython")
        if ipython is None or ipython.get_ipython() is None:
            return False
        ipython.display.display(ipython.display.HTML(self.to_html()))
        return True
