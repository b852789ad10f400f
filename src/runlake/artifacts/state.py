"""How an artifact stands, as scripts compare it."""

from __future__ import annotations

from enum import Enum


class ArtifactState(Enum):
    """As W&B has them: in hand `Artifact.state` is the text."""

    PENDING = "PENDING"
    COMMITTED = "COMMITTED"
    DELETED = "DELETED"
    GARBAGE_COLLECTED = "GARBAGE_COLLECTED"
    PENDING_DELETION = "PENDING_DELETION"
