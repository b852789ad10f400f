"""A cache of what was used last."""

from runlake.lru import LruCache


def kept(cache, keys):
    return {key: value for key in keys if (value := cache.get(key)) is not None}


def test_what_was_not_used_longest_goes_first():
    cache = LruCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert kept(cache, "abc") == {"a": 1, "c": 3}


def test_an_entry_that_is_taken_or_replaced_makes_room():
    cache = LruCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert (cache.take("a"), cache.take("a")) == (1, None)
    cache.put("b", 3)
    cache.put("c", 4)
    assert kept(cache, "abc") == {"b": 3, "c": 4}


def test_sizes_are_added_up_and_what_is_too_large_is_kept_alone():
    cache = LruCache(10, size_of=lambda key, value: len(value))
    cache.put("a", "x" * 4)
    cache.put("b", "x" * 6)
    cache.put("a", "x" * 5)
    assert kept(cache, "ab") == {"a": "x" * 5}
    cache.put("b", "x" * 11)
    assert kept(cache, "ab") == {"b": "x" * 11}
    cache.put("a", "x")
    assert kept(cache, "ab") == {"a": "x"}
