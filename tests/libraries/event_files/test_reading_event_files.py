"""Event files as bytes: what is whole is read once, what is torn is waited for, and what is damaged is named."""

import struct
import zlib

import pytest
from event_bytes import event, event_file, field, frame, histogram, image, simple, tensor
from hypothesis import given
from hypothesis import strategies as st

from runlake.integrations.tensorboard.event import read_event
from runlake.integrations.tensorboard.event_file import EventFile
from runlake.integrations.tensorboard.logged import logged_value
from runlake.integrations.tensorboard.record_file import DamagedFileError, masked_crc32c, take_records
from runlake.integrations.tensorboard.tensor import shortest
from runlake.media.audio import Audio
from runlake.media.histogram import Histogram

float32s = st.floats(width=32)


def png():
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def read_all(path, prefix="", **pieces):
    """The rows of a whole file, as they would be logged, and what was told about it."""
    told = []
    rows = EventFile(path, prefix, told.append, **pieces).close()
    return [row.data() for row in rows], told


def one_value(value):
    """What a value in a file becomes."""
    (tagged,) = read_event(event(0, value)).values
    return logged_value(tagged)


# Frames


def test_the_checksum_is_the_one_of_the_format():
    crc = 0xE3069283  # CRC-32C of these nine digits, as its definition has it
    assert masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@given(st.lists(st.binary(max_size=40), max_size=6), st.data())
def test_frames_that_come_in_pieces_are_taken_once_each(contents, data):
    whole = b"".join(map(frame, contents))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    taken, position = [], 0
    for end in (*cuts, len(whole)):
        records, taken_bytes = take_records(whole[position:end])
        taken += records
        position += taken_bytes
    assert (taken, position) == (contents, len(whole))


def test_a_wrong_length_is_damage_and_what_stands_before_it_is_taken_first():
    broken = b"\xff" + frame(b"b")[1:]
    assert take_records(frame(b"a") + broken) == ([b"a"], len(frame(b"a")))
    with pytest.raises(DamagedFileError):
        take_records(broken)


# Rows


def test_a_row_is_what_a_file_says_of_one_step(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(event_file(event(3, simple("loss", 0.5), simple("acc", 0.1)), event(3, simple("lr", 1.0))))
    with path.open("ab") as file:
        file.write(frame(event(-7, simple("loss", float("inf")))))
    rows, told = read_all(path, "train")
    assert rows == [
        {"global_step": 3, "train/loss": 0.5, "train/acc": 0.1, "train/lr": 1.0},
        {"global_step": -7, "train/loss": float("inf")},
    ]
    assert told == []


def test_a_tag_that_comes_again_begins_another_row(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(event_file(*(event(0, simple("loss", float(i))) for i in range(3))))
    assert read_all(path)[0] == [{"global_step": 0, "loss": float(i)} for i in range(3)]


def test_texts_alone_make_no_row_and_are_never_lost(tmp_path):
    path = tmp_path / "f"
    text = [tensor("t", 7, (), texts=[word.encode()], plugin="text") for word in "abc"]
    more = tensor("u", 7, (2,), texts=[b"d", b"e"], plugin="text")
    path.write_bytes(
        event_file(
            event(0, text[0]), event(0, more), event(5, simple("loss", 0.5)), event(6, text[1]), event(7, text[2])
        )
    )
    assert read_all(path)[0] == [
        {"global_step": 5, "t": "a", "u": ["d", "e"], "loss": 0.5},
        {"global_step": 6, "t": "b"},
        {"global_step": 7, "t": "c"},
    ]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.integers(0, 9)), max_size=12), st.data())
def test_a_file_read_while_it_grows_says_the_same_as_when_it_is_whole(tmp_path_factory, said, data):
    path = tmp_path_factory.mktemp("grows") / "f"
    whole = event_file(*(event(step, simple(tag, float(number))) for step, tag, number in said))
    path.write_bytes(whole)
    expected = read_all(path)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    path.write_bytes(b"")
    told = []
    file, rows, position = EventFile(path, "", told.append), [], 0
    for end in cuts:
        with path.open("ab") as writer:
            writer.write(whole[position:end])
        position = max(position, end)
        rows += file.read()
    with path.open("ab") as writer:
        writer.write(whole[position:])
    rows += file.close()
    assert ([row.data() for row in rows], told) == expected


def test_a_frame_larger_than_what_is_read_at_once_is_read(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(event_file(event(1, simple("x" * 500, 1.0)), event(2, simple("y", 2.0))))
    rows, _ = read_all(path, piece_bytes=16)
    assert rows == [{"global_step": 1, "x" * 500: 1.0}, {"global_step": 2, "y": 2.0}]


def test_a_damaged_file_keeps_what_was_read_and_is_told_once(tmp_path):
    path = tmp_path / "f"
    good = event_file(event(1, simple("a", 1.0)))
    path.write_bytes(good + b"no frame at all")
    told = []
    file = EventFile(path, "", told.append)
    assert [row.data() for row in [*file.read(), *file.read(), *file.close()]] == [{"global_step": 1, "a": 1.0}]
    assert told == [f"{path} cannot be read on at byte {len(good)}: the checksum of a length is wrong"]


def test_a_frame_that_holds_no_event_is_passed_over_and_named(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(event_file(event(1, simple("a", 1.0)), b"\x0f\xff", event(2, simple("a", 2.0))))
    rows, told = read_all(path)
    assert [row["a"] for row in rows] == [1.0, 2.0]
    assert len(told) == 1
    assert str(path) in told[0]


def test_a_picture_that_is_none_is_named_and_the_rest_of_its_step_kept(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(event_file(event(1, simple("a", 1.0), image("broken", b"no picture"))))
    rows, told = read_all(path)
    assert rows == [{"global_step": 1, "a": 1.0}]
    assert len(told) == 1
    assert "'broken' at step 1" in told[0]


@given(st.binary(max_size=60))
def test_bytes_that_are_no_event_end_in_nothing_worse_than_being_named(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "f"
    path.write_bytes(event_file(content, event(5, simple("last", 1.0))))
    rows, _ = read_all(path)
    assert rows[-1]["last"] == 1.0


# Values


@given(float32s)
def test_a_number_is_the_same_in_32_bits_and_has_at_most_nine_digits(number):
    found = one_value(simple("x", number))
    assert struct.pack("<f", found) == struct.pack("<f", number) or number != number
    assert float(f"{found:.9g}") == found or number != number


@pytest.mark.parametrize("number", [0.1, 0.001, 123456.7, -0.0, 1e30])
def test_who_wrote_a_short_number_reads_a_short_number(number):
    (stored,) = struct.unpack("<f", struct.pack("<f", number))
    assert repr(shortest(stored)) == repr(number)


def test_scalars_of_either_age_are_numbers():
    assert one_value(tensor("x", 1, (), struct.pack("<f", 0.1), plugin="scalars")) == 0.1
    assert one_value(tensor("x", 2, (), struct.pack("<d", 1 / 3))) == 1 / 3
    assert one_value(tensor("x", 9, (), struct.pack("<q", -5))) == -5


def test_tensors_of_unsupported_types_are_left_out(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(event_file(event(1, tensor("odd", 8, (2,), b"12345678"), simple("a", 1.0))))
    assert read_all(path) == ([{"global_step": 1, "a": 1.0}], [])


def test_pictures_sounds_and_texts_are_what_they_are(tmp_path):
    sound = Audio([[0.0], [0.5]], sample_rate=8000).content
    (old,), (new, newer) = (
        one_value(image("i", png())),
        one_value(tensor("i", 7, (4,), texts=[b"1", b"1", png(), png()], plugin="images")),
    )
    assert old.content == new.content == newer.content == png()
    assert one_value(field(1, "s") + field(6, field(4, sound))).content == sound
    assert one_value(tensor("t", 7, (), texts=["naïve".encode()], plugin="text")) == "naïve"
    assert one_value(tensor("t", 7, (2,), texts=[b"a", b"b"], plugin="text")) == ["a", "b"]


def test_the_meaning_of_a_tag_may_be_said_once(tmp_path):
    path = tmp_path / "f"
    said = tensor("t", 7, (4,), texts=[b"1", b"1", png(), png()], plugin="images")
    unsaid = tensor("t", 7, (4,), texts=[b"1", b"1", png(), png()])
    path.write_bytes(event_file(event(1, said), event(2, unsaid)))
    rows, told = read_all(path)
    assert [[type(one).__name__ for one in row["t"]] for row in rows] == [["Image", "Image"]] * 2
    assert told == []


def test_precision_and_recall_are_a_table():
    numbers = struct.pack("<12f", 1, 2, 3, 4, 5, 6, 7, 8, 0.5, 0.25, 1, 0.75)
    table = one_value(tensor("pr", 1, (6, 2), numbers, plugin="pr_curves"))
    assert (table.columns, table.data) == (["recall", "precision"], [[1.0, 0.5], [0.75, 0.25]])


# Histograms


def bars(found):
    return found.histogram, found.bins


def test_a_histogram_keeps_counts_and_edges():
    assert bars(one_value(histogram("h", 1.0, 3.0, (1.0, 2.0, 3.0), (0.0, 1.0, 4.0)))) == ([1, 4], [1.0, 2.0, 3.0])
    assert bars(one_value(histogram("h", 0.5, 2.0, (1.0, 2.0), (3.0, 4.0)))) == ([3, 4], [0.5, 1.0, 2.0])


def test_outermost_buckets_end_where_the_values_do():
    largest = 1.7976931348623157e308
    found = one_value(histogram("h", -5.0, 7.0, (-largest, 0.0, largest), (0.0, 2.0, 1.0)))
    assert bars(found) == ([2, 1], [-5.0, 0.0, 7.0])


def test_a_histogram_of_triples_is_the_same():
    triples = struct.pack("<6d", 0.0, 1.0, 2.0, 1.0, 2.0, 3.0)
    assert bars(one_value(tensor("h", 2, (2, 3), triples, plugin="histograms"))) == ([2, 3], [0.0, 1.0, 2.0])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=2000))
def test_however_many_buckets_there_are_every_value_is_counted_once(counts):
    edges = tuple(float(i) for i in range(len(counts) + 1))
    found = one_value(histogram("h", 0.0, edges[-1], edges, (0.0, *map(float, counts))))
    assert isinstance(found, Histogram)
    assert len(found.histogram) <= 512
    assert sum(found.histogram) == sum(counts)
    assert (found.bins[0], found.bins[-1]) == (0.0, edges[-1])
    assert found.bins == sorted(set(found.bins))
