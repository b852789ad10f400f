"""What joining takes from where, decided on plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import NewerFormatError
from runlake.store.journal import record
from runlake.store.journal.journal import PartName
from runlake.store.layout import ids_before, ids_of
from runlake.store.merge.union import PartChoice, beside, choose_part, wanted_metas, wanted_parts
from runlake.store.segment.meta import Meta

HEAD = {"writer": "w", "number": 0, "incarnation": "i", "generation": "g", "role": "run", "first": {}}
FRAMES = [record.frame(record.PART, record.encode_body(HEAD))]
FRAMES += [record.frame(record.CONFIG, record.encode_body({"clock": 1, "n": 0, "set": {"k": i}})) for i in range(5)]
WHOLE = record.MAGIC + b"".join(FRAMES)
ENDS = [len(record.MAGIC) + sum(map(len, FRAMES[:count])) for count in range(len(FRAMES) + 1)]


def whole_bytes(size):
    return max((end for end in ENDS if end <= size), default=0)


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)))
def test_of_two_stages_of_a_part_the_later_wins_up_to_its_last_whole_frame(ours, theirs):
    choice = choose_part(WHOLE[:ours], WHOLE[:theirs], is_followed=False)
    is_ahead = whole_bytes(theirs) > whole_bytes(ours)
    assert choice == PartChoice(whole_bytes(theirs) if is_ahead else None)


@pytest.mark.parametrize("is_followed", [False, True])
def test_a_part_that_is_not_here_comes_unless_it_says_nothing(is_followed):
    assert choose_part(None, WHOLE[:-1], is_followed=is_followed) == PartChoice(ENDS[-2])
    assert choose_part(None, b"", is_followed=is_followed) == PartChoice(0 if is_followed else None)


def test_of_two_parts_of_which_neither_goes_on_from_the_other_both_are_kept():
    other = record.MAGIC + b"".join([*FRAMES[:2], FRAMES[3]])
    assert choose_part(WHOLE, other, is_followed=False) == PartChoice(None, "theirs", len(other))
    assert choose_part(other, WHOLE, is_followed=False) == PartChoice(len(WHOLE), "ours", len(WHOLE))


def test_damage_is_taken_only_where_there_is_nothing_else():
    damaged = WHOLE[: ENDS[2] + 12] + bytes([WHOLE[ENDS[2] + 12] ^ 1]) + WHOLE[ENDS[2] + 13 :]
    assert choose_part(None, damaged, is_followed=False) == PartChoice(len(WHOLE))
    assert choose_part(WHOLE[: ENDS[1]], damaged, is_followed=False) == PartChoice()
    assert choose_part(damaged, WHOLE[: ENDS[4]], is_followed=False) == PartChoice(ENDS[4], "ours", ENDS[4])
    with pytest.raises(NewerFormatError):
        choose_part(None, b"runlake\x02" + WHOLE[8:], is_followed=False)


def meta(name, covers, supersedes=()):
    return Meta(1, name, "i", "g", covers, list(supersedes), {}, {}, {}, [], [])


def test_segments_come_in_an_order_that_leaves_no_hole():
    theirs = [meta("a", [("w", 2)]), meta("b", [("w", 1), ("e", 0)]), meta("c", [("w", 0)]), meta("d", [("e", 1)])]
    assert [each.name for each in wanted_metas([], theirs)] == ["c", "b", "a", "d"]


def test_segments_that_say_nothing_new_are_not_wanted():
    ours = [meta("a", [("w", 0), ("w", 1)]), meta("b", [("w", 2)], ["old"])]
    theirs = [meta("a", [("w", 0), ("w", 1)]), meta("x", [("w", 1), ("w", 2)]), meta("old", [("v", 0)])]
    theirs += [meta("y", [("w", 2), ("w", 3)]), meta("z", [("u", 0)], ["gone"]), meta("gone", [("u", 0)])]
    assert [each.name for each in wanted_metas(ours, theirs)] == ["y", "z"]
    names = [PartName("w", 3), PartName("w", 4), PartName("u", 0), PartName("t", 0)]
    assert wanted_parts([*ours, *theirs], names) == [PartName("t", 0), PartName("w", 4)]


def test_ids_lead_there_and_back():
    incarnation = "0123456789abcdef012"
    ids = ids_of("run", incarnation)
    assert ids == ["run", "run-01234567", "run-0123456789abcdef012"]
    assert [ids_before(run_id, incarnation) for run_id in ids] == [[], ["run"], ["run"]]
    assert ids_before("-01234567", incarnation) == []
    assert [len(run_id) for run_id in ids_of("x" * 1024, incarnation)] == [1024, 1024, 1024]


def test_a_name_beside_another_fits_on_a_disk():
    assert beside("model.h5", "0123456789") == "model.h5~01234567"
    assert len(beside("ü" * 127, "0123456789").encode()) <= 255
