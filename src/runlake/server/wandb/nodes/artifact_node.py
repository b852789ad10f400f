"""A version of an artifact as a node."""

from __future__ import annotations

from runlake.artifact_model import ArtifactInfo
from runlake.errors import NotFoundError
from runlake.server.wandb.context import RequestContext
from runlake.server.wandb.ids import artifact_node_id, tag_node_id
from runlake.server.wandb.wire import dump_json_string, iso_time


class ArtifactNode:
    """One version. Of a link it says what is true at home: what is of the link is the membership's to say."""

    digestAlgorithm = "MANIFEST_MD5"

    def __init__(self, context: RequestContext, info: ArtifactInfo) -> None:
        self._context = context
        self.info = info

    @property
    def id(self) -> str:
        return artifact_node_id(self.info.artifact_id)

    @property
    def state(self) -> str:
        return self.info.state

    @property
    def versionIndex(self) -> int | None:
        """None while it is PENDING, and of a link whose source whoever asks may not see."""
        source = self.info.source
        if source is None:
            return self.info.version_number
        try:
            return self._context.service.read_artifact(source).version_number
        except NotFoundError:
            return None

    @property
    def digest(self) -> str:
        return self.info.digest

    @property
    def commitHash(self) -> str:
        """What changes when the content does: the digest."""
        return self.info.digest

    @property
    def description(self) -> str | None:
        return self.info.description

    @property
    def metadata(self) -> str:
        return dump_json_string(self.info.metadata)

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"id": tag_node_id(name), "name": name} for name in self.info.tags]

    @property
    def ttlDurationSeconds(self) -> int:
        return 0 if self.info.ttl_s is None else int(self.info.ttl_s)

    @property
    def ttlIsInherited(self) -> bool:
        return self.info.ttl_s is None

    @property
    def historyStep(self) -> int | None:
        return self.info.history_step

    @property
    def size(self) -> int:
        return self.info.size_bytes

    @property
    def fileCount(self) -> int:
        return self.info.file_count

    @property
    def createdAt(self) -> str:
        return iso_time(self.info.created_at)

    @property
    def updatedAt(self) -> str:
        return iso_time(self.info.updated_at)
