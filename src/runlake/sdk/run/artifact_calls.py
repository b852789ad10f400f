"""The calls of a run about artifacts. They keep the files with the run, and say once what they leave out.

A base class of `Run`, so that the file with the hot path holds nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from runlake.errors import RunlakeError
from runlake.sdk.run.backlog import FAULTS
from runlake.sdk.run.files import RunFiles
from runlake.store.layout import Layout

if TYPE_CHECKING:
    from runlake.model import RunPath
    from runlake.sdk.run.artifact import Artifact
    from runlake.sdk.run.kept_artifacts import KeptArtifacts

_KEPT = (
    "artifacts are kept as files of their run, below artifacts/<name>/<version>/; versions that runs share, lineage "
    "and registries are not supported yet"
)


class ArtifactCalls:
    """Methods of `Run`."""

    files_of_run: RunFiles
    _layout: Layout

    if TYPE_CHECKING:

        @property
        def id(self) -> str: ...
        @property
        def run_path(self) -> RunPath: ...
        @property
        def disabled(self) -> bool: ...
        def leave_out(self, message: str) -> None: ...
        def log_model(self, path: Any, name: str | None = None, aliases: list[str] | None = None) -> str | None: ...
        def _tell_not_kept(self, what: str, error: Exception) -> None: ...

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
        self.leave_out(_KEPT)
        artifact = self._as_artifact(artifact_or_path, name, type)
        aliases = [aliases] if isinstance(aliases, str) else list(aliases or [])
        if self.disabled:
            return self._settle_nowhere(artifact, aliases)
        try:
            return self._kept().keep(artifact, aliases, tags or [])
        except FAULTS as error:
            self._tell_not_kept(f"the artifact {artifact.name!r}", error)
            return self._settle_nowhere(artifact, aliases)

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
        self.leave_out(_KEPT)
        from runlake.sdk.run.artifact import Artifact

        if isinstance(artifact_or_name, Artifact):
            is_draft = artifact_or_name.is_draft()
            return self.log_artifact(artifact_or_name, aliases=aliases) if is_draft else artifact_or_name
        if self.disabled:
            return self._settle_nowhere(self._empty(artifact_or_name, type), [])
        return self._kept().find(artifact_or_name)

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

    def _kept(self) -> KeptArtifacts:
        from runlake.sdk.run.kept_artifacts import KeptArtifacts

        return KeptArtifacts(self._layout, self.run_path, self.files_of_run)

    def _as_artifact(self, given: Any, name: str | None, type: str | None) -> Artifact:
        from runlake.sdk.run.artifact import Artifact

        if isinstance(given, Artifact):
            return given
        text = os.fsdecode(given)
        artifact = Artifact(name or _safe(f"run-{self.id}-{os.path.basename(text.rstrip('/'))}"), type or "unspecified")  # noqa: PTH119
        try:
            if "://" in text:
                artifact.add_reference(text)
            elif os.path.isdir(text):  # noqa: PTH112
                artifact.add_dir(text, policy="immutable")
            else:
                artifact.add_file(text, policy="immutable")
        except (RunlakeError, OSError):
            if not self.disabled:
                raise
        return artifact

    def _empty(self, name: str, type: str | None) -> Artifact:
        from runlake.sdk.run.artifact import Artifact

        base = str(name).rstrip("/").rpartition("/")[2].partition(":")[0]
        return Artifact(_safe(base), type or "unspecified")

    def _settle_nowhere(self, artifact: Artifact, aliases: Iterable[str]) -> Artifact:
        """The artifact as if it had been kept: its files stay where they were added."""
        from runlake.sdk.run.artifact import Place

        artifact.aliases = list(dict.fromkeys(["latest", *artifact.aliases, *aliases]))
        artifact.settle(Place(*self.run_path, "v0"), artifact.manifest.entries, None)
        return artifact


def _safe(name: str) -> str:
    """A name that an artifact can have."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in name)[:128]
    return kept.strip(".") or "artifact"
