"""`Run`: what a user has in hand. What its calls need beside the journal is loaded when the first of them is made."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from runlake.media.left_out import left_out, strictly
from runlake.sdk.notices import say
from runlake.sdk.run.backlog import FAULTS
from runlake.sdk.run.run_writer import RunWriter
from runlake.store.journal import record

if TYPE_CHECKING:
    from runlake.sdk.run.alerts import AlertLevel, Alerts
    from runlake.sdk.run.artifact import Artifact
    from runlake.sdk.run.artifact_calls import ArtifactCalls
    from runlake.sdk.run.models import Models
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
        restore = import_module("runlake").restore  # reading stands beside the SDK, and is loaded by who asks for it
        place = self.dir if root is None else root
        if run_path:
            return restore(name, run_path, replace, place)
        return restore(name, str(self.run_path), replace, place, store=self._layout.root)

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
        """Keep an artifact's files with the run, under ``artifacts/<name>/<version>/``; answers the artifact.

        A file, a folder or an address is made an artifact of that name first; without `name` it is called
        ``run-<id>-<file name>``. Files that are those of its newest version make no new one.
        """
        return self._artifacts().log(artifact_or_path, name, type, aliases=aliases, tags=tags)

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """The same as `log_artifact`: what several processes keep are versions of their own."""
        return self.log_artifact(artifact_or_path, name, type, aliases)

    finish_artifact = upsert_artifact

    def use_artifact(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """An artifact that this run or another of its project kept: by ``name:alias`` or ``name:v3``.

        One that no run keeps yet is kept with this one. Raises `NotFoundError` for a name that is not there.
        """
        return self._artifacts().use(artifact_or_name, type, aliases)

    def link_artifact(self, artifact: Artifact, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """Keep the artifact with the run, if it is not yet; there is no registry that it could be linked to."""
        self.leave_out(f"artifacts are kept with their run and not linked to {target_path!r}: there are no registries")
        return self.log_artifact(artifact) if artifact.is_draft() else artifact

    def link_model(
        self,
        path: str | os.PathLike[str],
        registered_model_name: str,
        name: str | None = None,
        aliases: list[str] | None = None,
    ) -> None:
        """Keep the model as `log_model` does; there is no registry that it could be linked to."""
        self.leave_out(
            f"models are kept with their run and not linked to {registered_model_name!r}: there are no registries",
        )
        if not self.disabled:
            self.log_model(path, name)

    def _artifacts(self) -> ArtifactCalls:
        from runlake.sdk.run.artifact_calls import ArtifactCalls

        return ArtifactCalls(
            self._layout,
            self.run_path,
            self.files_of_run,
            is_disabled=self.disabled,
            leave_out=self.leave_out,
            tell_not_kept=self._tell_not_kept,
        )

    # Alerts, source files, models, watched networks

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

    def log_code(
        self,
        root: str | os.PathLike[str] | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> list[str]:
        """Copy the source files below `root` into the run; answers their names there: ``code/<path>``.

        With `name` they are ``code/<name>/<path>``. In a git checkout these are the files that git knows or would add.
        `include_fn` says which of them (without it: Python, Cython, requirements, pyproject.toml and Dockerfiles),
        `exclude_fn` which of those not; both are called with a path, or with a path and the root. Files beyond 10 MiB,
        or 200 MiB in all, are left out and named in a warning. Raises `PathError` when `root` is no folder.
        """
        from runlake.sdk.capture.code import is_source, log_code

        try:
            return log_code(self.files_of_run.write, root, name, include_fn or is_source, exclude_fn)
        except FAULTS as error:
            self._tell_not_kept("the source files", error)
            return []

    def log_model(
        self, path: str | os.PathLike[str], name: str | None = None, aliases: list[str] | None = None
    ) -> str | None:
        """Keep a model with the run: a file, or a folder with all that is in it. Answers the name to use it by.

        It lies under ``models/<name>/``; without `name` it is called as the file or folder is. A model of that name in
        this run is replaced, and `aliases` have no meaning. Raises `PathError` for a path that is not there.
        """
        if aliases:
            self._warn("aliases", f"the aliases {aliases!r} of a model are not kept: a run has one model of a name")
        try:
            return self._models().log_model(path, name)
        except FAULTS as error:
            self._tell_not_kept(f"the model {os.fsdecode(path)!r}", error)
            return None

    def use_model(self, name: str) -> str:
        """The path of a model's file, or of its folder where it has several: read it there, do not write.

        `name` is that of a model of this run, or ``run_id/name``, ``project/run_id/name`` or
        ``entity/project/run_id/name`` for those of other runs of the store. A trailing ``:latest`` is accepted.
        Raises `NotFoundError`, which names the models there are; of a disabled run the path leads nowhere.
        """
        if self.disabled:
            return os.path.join(self.dir, "models", name)  # noqa: PTH118 (W&B answers text)
        return self._models().use_model(name)

    def _models(self) -> Models:
        from runlake.sdk.run.models import Models

        return Models(self._layout, self.run_path, self.files_of_run)

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
