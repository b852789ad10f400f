"""Numbers, times, sizes, values and lines of blocks as a person reads them."""

import math
import time

import pytest

from runlake.cli.format import (
    format_count,
    format_duration,
    format_number,
    format_size,
    format_things,
    format_time,
    format_value,
    one_line,
    shorten,
)
from runlake.cli.sparkline import sparkline


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (59.94, "59.9s"),
        (60, "1m 00s"),
        (200.9, "3m 20s"),
        (5 * 3600 + 120, "5h 02m"),
        (51 * 3600, "2d 03h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (2 << 50, "2048.0 TiB")],
)
def test_a_size_has_a_binary_unit(size_bytes, text):
    assert format_size(size_bytes) == text


def test_a_time_is_local_and_a_missing_one_is_a_dash(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert [format_time(1_700_000_000.9), format_time(0)] == ["2023-11-14 22:13:20", "–"]


def test_counts_agree_with_their_noun():
    assert [format_count(n, "run") for n in (0, 1, 2, 1234)] == ["0 runs", "1 run", "2 runs", "1,234 runs"]


def test_phrases_have_no_plural():
    assert [format_things(n, "file that is gone") for n in (1, 2)] == ["1 file that is gone", "2 × file that is gone"]
    assert [format_things(n, "environment variable") for n in (1, 57)] == [
        "1 environment variable", "57 environment variables",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (2**62, str(2**62)), (0.1, "0.1"), (1 / 3, "0.333333"), (1e-9, "1e-09"), (math.nan, "nan")],
)
def test_a_number_has_six_digits_and_an_integer_all(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("adam", "adam"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (1.0, "1.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        ([1, "a", math.nan], '[1,"a",{"$float":"NaN"}]'),
        ({}, "{}"),
    ],
)
def test_a_value_is_one_line_and_loses_no_digit(value, text):
    assert format_value(value) == text


def test_what_could_move_the_cursor_is_spelt_out():
    assert one_line("a\x1b[2J\nb\u202ec é 猫") == "a\\x1b[2J\\nb\\u202ec é 猫"


def test_a_long_text_is_cut_with_a_mark():
    assert [shorten("abcdef", 6), shorten("abcdefg", 6)] == ["abcdef", "abcde…"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([1.0], "▁"),
        ([5.0, 5.0, 5.0], "▁▁▁"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([0.0, math.nan, 7.0], "▁ █"),
        ([math.nan, math.inf], "  "),
        ([-1.7e308, 1.7e308], "▁█"),
        ([0.0, 0.0, 1.0, 1.0], "▁▁██"),
    ],
)
def test_a_sparkline_goes_from_low_to_high(values, line):
    assert sparkline(values) == line


def test_a_sparkline_is_no_wider_than_asked_and_averages_neighbours():
    assert sparkline([0.0, 2.0, 8.0, 8.0, 15.0, 15.0], width=3) == "▁▅█"
    assert sparkline([1.7e308, 1.7e308, 0.0, 0.0], width=2) == "█▁"
    assert len(sparkline(range(1000))) == 32
