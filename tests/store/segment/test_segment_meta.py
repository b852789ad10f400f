"""The meta file of a segment: what is written is read, and nothing else passes for it."""

from runlake.store.journal.fold import StreamFold, WriterState
from runlake.store.journal.header import PartHeader
from runlake.store.segment import meta as meta_files
from runlake.store.segment.meta import Meta, read_meta, write_meta

NAME = "0a" * 12


def test_a_meta_file_with_plain_last_values_is_read_as_before(tmp_path, monkeypatch):
    header = PartHeader({"writer": "w", "incarnation": "i", "generation": "g", "role": "run"})
    state = WriterState("w", header, [(16, {"clock": 1, "n": 0, "set": {"a": 1}})], {"history": StreamFold()})
    meta = Meta(1, NAME, "inc", "gen", [("w", 0)], [], {}, {}, {}, [], [state])
    write_meta(tmp_path, meta)
    new = read_meta(tmp_path / f"{NAME}.meta")
    monkeypatch.setattr(meta_files, "_stored_state", lambda state: state)
    write_meta(tmp_path, meta)
    old = read_meta(tmp_path / f"{NAME}.meta")
    assert (new.headers, list(new.writers)) == (old.headers, list(old.writers)) == ({"w": state.header}, [state])
