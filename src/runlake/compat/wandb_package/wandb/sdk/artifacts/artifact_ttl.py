"""How long an artifact is kept."""

from enum import Enum


class ArtifactTTL(Enum):
    """As long as its collection says; nothing is removed by time here."""

    INHERIT = 0
