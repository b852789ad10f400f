"""What a value takes on disk."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench import PARQUET_NAME, Bench, Comparison, Group, Subject, Target, folder_bytes
from benchmarks.reading import PEER_ROW_COUNT, filled, row_count, sealed_store

KEY_COUNT = 10


def segment_bytes(bench: Bench) -> float:
    """Bytes a value in the segments of the sealed run."""
    segments = [path for path in sealed_store(bench).rglob("large/segments") if path.is_dir()]
    return sum(map(folder_bytes, segments)) / row_count(bench) / KEY_COUNT


def parquet_bytes(bench: Bench) -> float:
    return (sealed_store(bench) / PARQUET_NAME).stat().st_size / row_count(bench) / KEY_COUNT


def stored_bytes(bench: Bench, subject: Subject) -> float:
    """Bytes a value of everything that a finished run has left in the tracker's folder."""
    folder: Path = filled(bench, subject)
    own = folder_bytes(folder) - folder_bytes(folder / "home")
    return own / bench.count(PEER_ROW_COUNT, 5_000) / KEY_COUNT


GROUP = Group(
    "size",
    "Size on disk",
    targets=(Target("a value of the sealed run", "B", 10, "value", segment_bytes, "tuned Parquet", parquet_bytes),),
    comparisons=(Comparison("a value, with everything the run left", "B", stored_bytes),),
)
