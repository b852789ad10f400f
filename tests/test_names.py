"""Ids and names: right letters, enough of them, and always the same for the same id."""

import re

from runlake.names import ADJECTIVES, NOUNS, default_name, new_run_id


def test_ids_are_eight_letters_and_digits_and_do_not_repeat():
    ids = {new_run_id() for _ in range(5000)}
    assert len(ids) == 5000
    assert all(re.fullmatch("[a-z0-9]{8}", run_id) for run_id in ids)
    assert set("".join(ids)) == set("abcdefghijklmnopqrstuvwxyz0123456789")


def test_the_lists_hold_a_hundred_different_words_each():
    for words in (ADJECTIVES, NOUNS):
        assert len(words) >= 100
        assert list(words) == sorted(set(words))
        assert all(re.fullmatch("[a-z]+", word) for word in words)
    assert not set(ADJECTIVES) & set(NOUNS)


def test_a_name_follows_from_the_id_and_the_number():
    assert default_name("abcd1234", 7) == default_name("abcd1234", 7) == "careful-salmon-7"
    assert default_name("🎉\udcff/..", 1).endswith("-1")


def test_names_spread_over_the_words():
    names = [default_name(f"run{i}", 1).split("-") for i in range(4000)]
    assert {name[0] for name in names} == set(ADJECTIVES)
    assert {name[1] for name in names} == set(NOUNS)
