"""Patterns: what they find, what the options do, what is refused, and that hostile ones take no time."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import FilterError
from runlake.model import RunInfo
from runlake.query.runs.column import FieldColumn, kept_columns
from runlake.query.runs.filter import MAX_PATTERNS, MAX_TESTS, MAX_VALUES, parse_filter, plain_filter
from runlake.query.runs.index import RunIndex
from runlake.query.runs.pattern import MAX_PATTERN_CHARACTERS, Pattern, parse_pattern

TEXTS = ["", "adam", "Adam W", "über", "lr=0.1\n", "a#b", "first\nsecond", "naïve 3", "aaa"]


def found(text, options=""):
    pattern = parse_pattern(text, options, "the filter")
    return [one for one in TEXTS if pattern.is_in(one)]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("adam", "", ["adam"]),
        ("adam", "i", ["adam", "Adam W"]),
        ("^second$", "", []),
        ("^second$", "m", ["first\nsecond"]),
        ("first.second", "", []),
        ("first.second", "s", ["first\nsecond"]),
        ("a d # the beginning\n a m", "x", ["adam"]),
        (r"Adam\ W # with a blank", "x", ["Adam W"]),
        (r"a[#]b", "x", ["a#b"]),
        (r"a\#b", "x", ["a#b"]),
        (r"m [ ] W", "x", ["Adam W"]),
        ("ADAM w", "xi", []),
        ("(?i)ADAM", "", ["adam", "Adam W"]),
        (r"adam\Z", "", ["adam"]),
        (r"^a{,3}\z", "", ["", "aaa"]),
        (r"^\pL+$", "", ["adam", "über", "aaa"]),
        (r"^\w+$", "", ["adam", "aaa"]),
        (r"\Q#b\E", "", ["a#b"]),
        ("0.1$", "", []),
        ("[]m]", "", ["adam", "Adam W"]),
    ],
)
def test_a_pattern_finds_what_it_says(text, options, expected):
    assert found(text, options) == expected


@given(st.text(alphabet="ab-\\[]{},# 3\nZ.é", max_size=12), st.text(alphabet="ab-# 3\né.[\\", max_size=12))
def test_escaped_text_finds_itself_whatever_is_in_it(needle, haystack):
    for options in ("", "x"):
        pattern = parse_pattern(re.escape(needle), options, "the filter")
        assert pattern.found_in([haystack, f"<{needle}>"]).tolist() == [needle in haystack, True]


@given(st.text(alphabet="ab|()[]^$.*+?\\{}#, Qw:Z-1", max_size=20), st.sampled_from(["", "x", "imsx"]))
def test_every_text_is_a_pattern_or_is_refused(text, options):
    try:
        pattern = parse_pattern(text, options, "the filter")
    except FilterError:
        return
    assert isinstance(pattern, Pattern)
    assert len(pattern.found_in(TEXTS)) == len(TEXTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(", "is no regular expression"),
        ("a)(b", "is no regular expression"),
        ("(?=a)", "without lookaround"),
        ("(?<!a)b", "without lookaround"),
        (r"(a)\1", "backreferences"),
        ("(?P<n>a)(?P=n)", "backreferences"),
        ("a++", "possessive"),
        ("(?x) a", "inline (?x)"),
        ("x{1001}", "fewer or smaller repetitions"),
        ("(x{500}){500}", "fewer or smaller repetitions"),
        (r"(\pL){1000}", "fewer or smaller repetitions"),
        ("a" * (MAX_PATTERN_CHARACTERS + 1), "10,000 are allowed"),
        ("\ud800", "half a character"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_do(text, expected):
    with pytest.raises(FilterError, match=re.escape(expected)):
        parse_pattern(text, "", "the filter")


HOSTILE = [
    "^(a+)+$",
    "(a*)*b",
    "(a|a)*b",
    "(a|aa)+$",
    "(.*a){20}b",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(x?){1000}(x){1000}",
    "[" * MAX_PATTERN_CHARACTERS,
    "\\Q" * (MAX_PATTERN_CHARACTERS // 2),
    "\\p{" * (MAX_PATTERN_CHARACTERS // 3),
    "[" * (MAX_PATTERN_CHARACTERS - 1) + "\\",
    "[[:a" * (MAX_PATTERN_CHARACTERS // 4),
    "(" * (MAX_PATTERN_CHARACTERS // 2) + ")" * (MAX_PATTERN_CHARACTERS // 2),
    "#" * MAX_PATTERN_CHARACTERS,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_hostile_patterns_answer_or_are_refused(text):
    """Python's own engine would not come back from the first of them."""
    texts = ["a" * 50 + "!", "a" * 2_000 + "!", "aB" * 1_000]
    for options in ("", "imsx"):
        try:
            hits = parse_pattern(text, options, "the filter").found_in(texts)
        except FilterError:
            continue
        assert len(hits) == len(texts)


def test_half_characters_in_texts_are_gone_over():
    assert parse_pattern("a", "", "the filter").found_in(["a\ud800", "\ud800"]).tolist() == [True, False]


def test_matching_goes_piece_by_piece():
    texts = ["x" * 100_000] * 7 + ["y"]
    assert parse_pattern("y", "", "the filter").found_in(texts).tolist() == [False] * 7 + [True]


def matching(filters):
    configs = {"a": {"opt": "adam", "list": ["sgd", 3]}, "b": {"opt": "sgd", "list": ["x", 2.0]}, "c": {"list": [None]}}
    runs = [
        RunInfo(
            entity="ann",
            project="p",
            incarnation="i",
            generation="g",
            name=run_id,
            run_id=run_id,
            state="finished",
            config=config,
            tags=tuple(config["opt"]) if "opt" in config else (),
        )
        for run_id, config in configs.items()
    ]
    index = RunIndex(runs)
    return "".join(index.runs[position].run_id for position in index.select(filters, "run_id"))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"config.opt": re.compile("A", re.IGNORECASE)}, "a"),
        ({"config.opt": {"$in": [re.compile("^s"), "adam"]}}, "ab"),
        ({"config.opt": {"$not": re.compile("a")}}, "bc"),
        ({"config.opt": {"$ne": re.compile("a")}}, "bc"),
        ({"config.opt": {"$regex": re.compile("A"), "$options": "i"}}, "a"),
        ({"config.list": re.compile("s.d")}, "a"),
        ({"config.list": {"$in": [3, 2, None]}}, "abc"),
        ({"config.list": {"$in": [float("nan"), True]}}, ""),
        ({"config.list": {"$in": [["x", 2]]}}, "b"),
        ({"tags": re.compile("[mg]")}, "ab"),
        ({"tags": {"$in": [["d", "g", "s"]]}}, "b"),
    ],
)
def test_a_filter_means_the_same_without_its_compiled_patterns(filters, expected):
    assert (matching(filters), matching(plain_filter(filters))) == (expected, expected)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"$or": [{"config.a": 1}] * (MAX_TESTS + 1)}, "conditions"),
        ({"config.a": {"$in": list(range(MAX_VALUES + 1))}}, "values"),
        ({"$or": [{"name": {"$regex": "a"}}] * (MAX_PATTERNS + 1)}, "patterns"),
        ({"name": {"$in": [re.compile("a")] * (MAX_PATTERNS + 1)}}, "patterns"),
    ],
)
def test_a_filter_of_too_many_parts_is_refused(filters, expected):
    with pytest.raises(FilterError, match=expected):
        parse_filter(filters)


def test_columns_that_were_asked_for_are_kept_up_to_a_limit():
    kept = kept_columns(10**9)
    for number in range(100):
        kept.put(("config", (str(number),)), [])
    left = [number for number in range(100) if kept.get(("config", (str(number),))) is not None]
    assert left == list(range(68, 100))


def test_many_numbers_are_looked_for_at_once():
    runs = {"a": 1, "b": 2.5, "c": 2**60, "d": math.nan, "e": True, "f": "1"}
    for operands, expected in [([1, 2.5], "ab"), ([1, math.nan], "a"), ([2**60, 2.5], "bc"), ([2**60 + 1, 1.0], "a")]:
        column = FieldColumn(list(runs.values()))
        mask = column.mask(parse_filter({"config.x": {"$in": operands}}))
        assert "".join(run for run, is_hit in zip(runs, mask.tolist(), strict=True) if is_hit) == expected
