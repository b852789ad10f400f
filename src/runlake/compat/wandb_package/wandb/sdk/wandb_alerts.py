"""How serious an alert is."""

from runlake import AlertLevel

__all__ = ["AlertLevel"]
