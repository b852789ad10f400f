"""A part that was cut, damaged or written by others: the right rows, or an error that says where."""

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from journals import rows_in

from runlake.errors import CorruptError, NewerFormatError
from runlake.model import STREAMS
from runlake.store.journal import record
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.memory import MemoryJournal
from runlake.store.journal.scan import find_frame, is_torn_tail, scan_part
from runlake.store.journal.writer import JournalWriter
from runlake.values import Json


def content_of(part):
    """Everything a part says: the rows of all streams, its records, and how it ends."""
    records = [(kind, body) for kind, body, _ in part.records]
    return {stream: rows_in([part], stream) for stream in STREAMS}, records


NOTHING = ({stream: [] for stream in STREAMS}, [])


class Story:
    """A part with all kinds of frames in it, and what it held after each call."""

    def __init__(self, *, frames_per_block=7, ends=True, repeat=2):
        self.journal, self.name = MemoryJournal(), PartName("w", 0)
        self.writer = JournalWriter(
            self.journal,
            "w",
            {"run_id": "r"},
            limits=WriterLimits(frames_per_block=frames_per_block),
            clock=lambda: 5.0,
        )
        self.states = []
        self._note()
        for turn in range(repeat):
            self._log({"a": turn, "b": turn / 3})
            self._log({"a": turn, "b": -0.0})
            self._log({"a": 1, "b": 2.5, "c": True}, stream="events")
            self._log({"s": "text", "a": float("nan"), "list": [1, None]})
            self._record(record.CONFIG, {"set": {"x": Json("[1]")}})
            self._log({"a": 5}, commit=False)
            self._log({"line": "é" * turn}, stream="console")
            self._log({"b": 0.0, "s": "y"}, commit=False)
            self._log({})
        if ends:
            self.writer.end({"exit_code": 0})
            self._note()

    def _log(self, data, **options):
        step = len(self.states)
        self.writer.log(data, step=step, timestamp=1000.0 + step, runtime=0.0, **options)
        self._note()

    def _record(self, kind, body):
        self.writer.record(kind, body)
        self._note()

    def _note(self):
        data = self.journal.read(self.name)
        self.states.append((len(data), content_of(scan_part(data, "w"))))

    @property
    def data(self):
        return self.journal.read(self.name)

    def states_of(self, size_bytes):
        """What may be read from so many bytes: all calls that were written whole, and perhaps the one that was not."""
        whole = [state for size, state in self.states if size <= size_bytes] or [NOTHING]
        after = [state for size, state in self.states if size > size_bytes]
        return [whole[-1], *after[:1]]


def frames_of(data):
    """Where each frame begins."""
    places, position = [], len(record.MAGIC)
    while position < len(data):
        places.append(position)
        position += record.HEAD.size + record.HEAD.unpack_from(data, position)[0]
    return places


@pytest.fixture(scope="module")
def story():
    return Story()


@pytest.fixture(scope="module")
def open_story():
    return Story(ends=False)


def place_of(error):
    """The byte that a message names."""
    return int(re.search(r"\bbyte (\d+)", str(error))[1])


# Cut


@pytest.mark.slow
def test_a_part_cut_at_any_byte_holds_what_was_acknowledged_until_then(story):
    data = story.data
    seen = -1
    for size in range(len(data) + 1):
        part = scan_part(data[:size], "w")
        if part.valid_bytes != seen or size % 8 == 0:  # decoding is what takes time
            seen = part.valid_bytes
            assert repr(content_of(part)) in map(repr, story.states_of(size)), size
        assert part.end == ("ended" if size == len(data) else part.end)
        assert part.valid_bytes <= size
        assert size == len(data) or find_frame(data[:size], part.valid_bytes) is None


def test_every_sector_may_be_the_last_that_reached_the_disk(story):
    data = story.data
    for size in range(0, len(data), 512):
        for zeros in (1, 9, 10, 11, 512, 1024, 5000):
            part = scan_part(data[:size] + bytes(zeros), "w")
            assert repr(content_of(part)) in map(repr, story.states_of(size)), (size, zeros)


def test_zeros_behind_whole_frames_are_no_frames(story):
    data = story.data
    for place in [0, len(record.MAGIC), *frames_of(data), len(data)]:
        for zeros in (1, 9, 10, 11, 600):
            part = scan_part(data[:place] + bytes(zeros), "w")
            assert part.valid_bytes == place
            assert repr(content_of(part)) in map(repr, story.states_of(place)), (place, zeros)


def test_zeros_in_the_middle_are_damage(story):
    data = story.data
    places = frames_of(data)
    for place, end in itertools.pairwise(places):
        with pytest.raises(CorruptError) as caught:
            scan_part(data[:place] + bytes(end - place) + data[end:], "w")
        assert place_of(caught.value) == place


def test_a_growing_file_shows_more_and_more_and_never_less(open_story):
    data = open_story.data
    seen = [0] * len(STREAMS)
    for size in [*range(0, len(data), 13), len(data)]:
        now = [len(rows_in([scan_part(data[:size], "w")], stream)) for stream in STREAMS]
        assert now >= seen
        seen = now
    assert seen == [len(open_story.states[-1][1][0][stream]) for stream in STREAMS]


# Flipped


@pytest.mark.parametrize("flip", [0x01, 0xFF])
@pytest.mark.parametrize("ends", [True, False])
def test_a_flipped_byte_anywhere_is_found_and_its_frame_named(story, open_story, ends, flip):
    data = (story if ends else open_story).data
    starts = [0, *frames_of(data)]
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= flip
        with pytest.raises(
            NewerFormatError if damaged[7] > 1 else CorruptError, match=r"^RUN: w-000\.part: "
        ) as caught:
            scan_part(bytes(damaged), "RUN: w-000.part")
        if damaged[7] == 1:
            assert place_of(caught.value) == max(start for start in starts if start <= place), place


def test_a_flipped_byte_before_a_torn_tail_is_found(open_story):
    data = open_story.data
    for size in range(40, len(data), 41):
        whole = scan_part(data[:size], "w").valid_bytes
        for place in range(8, whole, 29):
            damaged = bytearray(data[:size])
            damaged[place] ^= 0x40
            with pytest.raises(CorruptError):
                scan_part(bytes(damaged), "w")


def test_a_header_that_is_wrong_and_fits_its_check_hides_nothing_behind_it(story):
    data = story.data
    for place in frames_of(data)[:-1]:
        damaged = bytearray(data)
        damaged[place + 2] ^= 0x08  # half a megabyte longer than the file
        damaged[place + 5] ^= 0x08
        with pytest.raises(CorruptError) as caught:
            scan_part(bytes(damaged), "w")
        assert place_of(caught.value) == place


@given(st.data())
def test_damage_of_any_size_never_becomes_other_rows(story, data):
    whole = story.data
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(len(whole), start + 600)))
    put = data.draw(
        st.one_of(
            st.binary(max_size=40),
            st.just(bytes(stop - start)),
            st.just(whole[start:stop] * 2),
            st.just(whole[stop : stop + 100]),
        )
    )
    try:
        part = scan_part(whole[:start] + put + whole[stop:], "w")
        found = content_of(part)
    except (CorruptError, NewerFormatError):
        return
    assert repr(found) in [repr(state) for _, state in story.states] + [repr(NOTHING)]


# Foreign, newer, none


@pytest.mark.parametrize("data", [b"", b"run", record.MAGIC, bytes(3), bytes(8), bytes(5000)])
def test_a_part_that_has_not_begun_is_empty(data):
    part = scan_part(data, "w")
    assert (part.header, part.rows, part.records, part.end) == (None, [], [], "open")
    assert part.valid_bytes == (8 if data == record.MAGIC else 0)


@pytest.mark.parametrize(
    "data", [b"PAR1", b"hello world", b"\x7fELF" * 9, bytes(8) + b"x", b"runlake", b"runlake\0rest"][:4]
)
def test_a_foreign_file_is_named(data):
    with pytest.raises(CorruptError, match=r"R: w: this is no journal part: it begins with .* \(byte 0\)"):
        scan_part(data, "R: w")


def test_a_newer_format_asks_for_a_newer_runlake(story):
    data = b"runlake\x09" + story.data[8:]
    with pytest.raises(NewerFormatError, match=r"w: journal format 9; this runlake reads up to 1: upgrade runlake"):
        scan_part(data, "w")
    with pytest.raises(CorruptError, match="this is no journal part"):
        scan_part(b"runlake\0" + story.data[8:], "w")


def test_a_part_that_does_not_begin_with_its_header_is_damage(story):
    first, second = frames_of(story.data)[:2]
    with pytest.raises(CorruptError, match="byte 8 "):
        scan_part(story.data[:first] + story.data[second:], "w")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (record.CONFIG, b"\xc1"),
        (record.SHAPE, record.encode_body({"number": 0})),
        (record.SHAPE, record.encode_body({"number": 0, "paths": ["a"], "lanes": ["what"]})),
        (record.SHAPE, record.encode_body([1])),
        (record.MIXED, b"short"),
        (record.BLOCK, b"short"),
        (record.ROW, bytes(35)),
    ],
)
def test_whole_frames_of_nonsense_are_named(kind, body):
    data = record.MAGIC + record.frame(record.PART, record.encode_body({"writer": "w"}))
    with pytest.raises(CorruptError, match=f"w: the frame at byte {len(data)} of"):
        scan_part(data + record.frame(kind, body), "w")


# Torn or not


@given(st.binary(max_size=30))
@example(b"")
@example(bytes(30))
def test_the_next_frame_is_found_where_it_is(noise):
    frame = record.frame(record.CONFIG, b"x")
    found = find_frame(noise + frame + noise, 0)
    assert found is not None
    assert found <= len(noise)
    assert find_frame(noise + frame, len(noise)) == len(noise)
    assert find_frame(frame[:-1], 0) is None


def test_a_last_frame_of_zeros_with_a_flip_is_not_torn():
    journal = MemoryJournal()
    writer = JournalWriter(journal, "w", {})
    for _ in range(30):
        writer.log({f"k{i:02}": 0.0 for i in range(100)}, step=0, timestamp=0.0, runtime=0.0)
    data = bytearray(journal.read(PartName("w", 0)))
    last = frames_of(data)[-1]
    data[last + 20] ^= 1
    assert not is_torn_tail(bytes(data), last)
    with pytest.raises(CorruptError, match=f"the frame at byte {last} of"):
        scan_part(bytes(data), "w")
