"""What a run does with artifacts. It keeps their files, and says once what that leaves out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from runlake.errors import RunlakeError
from runlake.model import RunPath
from runlake.sdk.run.artifact import Artifact, Place
from runlake.sdk.run.backlog import FAULTS
from runlake.sdk.run.files import RunFiles
from runlake.sdk.run.kept_artifacts import KeptArtifacts
from runlake.store.layout import Layout

_KEPT = (
    "artifacts are kept as files of their run, below artifacts/<name>/<version>/; versions that runs share, lineage "
    "and registries are not supported yet"
)


class ArtifactCalls:
    """The calls of one run about artifacts.

    `leave_out` is told what a call does not do, `tell_not_kept` of which artifact the disk refused, and why.
    """

    def __init__(
        self,
        layout: Layout,
        path: RunPath,
        files: RunFiles,
        *,
        is_disabled: bool,
        leave_out: Callable[[str], None],
        tell_not_kept: Callable[[str, Exception], None],
    ) -> None:
        self._path, self._is_disabled = path, is_disabled
        self._leave_out, self._tell_not_kept = leave_out, tell_not_kept
        self._kept = KeptArtifacts(layout, path, files)

    def log(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        *,
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
    ) -> Artifact:
        """See `Run.log_artifact`."""
        self._leave_out(_KEPT)
        artifact = self._as_artifact(artifact_or_path, name, type)
        aliases = [aliases] if isinstance(aliases, str) else list(aliases or [])
        if self._is_disabled:
            return self._settle_nowhere(artifact, aliases)
        try:
            return self._kept.keep(artifact, aliases, tags or [])
        except FAULTS as error:
            self._tell_not_kept(f"the artifact {artifact.name!r}", error)
            return self._settle_nowhere(artifact, aliases)

    def use(
        self, artifact_or_name: Artifact | str, type: str | None = None, aliases: Sequence[str] | None = None
    ) -> Artifact:
        """See `Run.use_artifact`."""
        self._leave_out(_KEPT)
        if isinstance(artifact_or_name, Artifact):
            is_draft = artifact_or_name.is_draft()
            return self.log(artifact_or_name, aliases=aliases) if is_draft else artifact_or_name
        if self._is_disabled:
            return self._settle_nowhere(self._empty(artifact_or_name, type), [])
        return self._kept.find(artifact_or_name)

    def _as_artifact(self, given: Any, name: str | None, type: str | None) -> Artifact:
        if isinstance(given, Artifact):
            return given
        text = os.fsdecode(given)
        own_name = f"run-{self._path.run_id}-{os.path.basename(text.rstrip('/'))}"  # noqa: PTH119
        artifact = Artifact(name or _safe(own_name), type or "unspecified")
        try:
            if "://" in text:
                artifact.add_reference(text)
            elif os.path.isdir(text):  # noqa: PTH112
                artifact.add_dir(text, policy="immutable")
            else:
                artifact.add_file(text, policy="immutable")
        except (RunlakeError, OSError):
            if not self._is_disabled:
                raise
        return artifact

    def _empty(self, name: str, type: str | None) -> Artifact:
        base = str(name).rstrip("/").rpartition("/")[2].partition(":")[0]
        return Artifact(_safe(base), type or "unspecified")

    def _settle_nowhere(self, artifact: Artifact, aliases: Iterable[str]) -> Artifact:
        """The artifact as if it had been kept: its files stay where they were added."""
        artifact.aliases = list(dict.fromkeys(["latest", *artifact.aliases, *aliases]))
        artifact.settle(Place(*self._path, "v0"), artifact.manifest.entries, None)
        return artifact


def _safe(name: str) -> str:
    """A name that an artifact can have."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in name)[:128]
    return kept.strip(".") or "artifact"
