"""Artifacts as people have them in hand: made, kept as versions, found again, fetched."""
