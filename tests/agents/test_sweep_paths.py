"""Paths of sweeps, as people write them."""

import os
from pathlib import Path

import pytest

from runlake.agents.paths import find_sweep
from runlake.errors import PathError
from runlake.settings import resolve


@pytest.fixture
def find(service):
    settings = resolve({}, os.environ, Path.cwd())
    return lambda text, **more: "/".join(find_sweep(text, service, settings, **more))


def test_what_is_left_out_is_filled_in(find):
    assert find("s1") == "ann/digits/s1"
    assert find("s1", entity="bob", project="letters") == "bob/letters/s1"
    assert find("letters/s1", project="digits") == "ann/letters/s1"
    assert find("bob/letters/s1", entity="ann") == "bob/letters/s1"


def test_addresses_of_pages_are_paths(find):
    assert find("bob/letters/sweeps/s1") == "bob/letters/s1"
    assert find("https://wandb.example/bob/letters/sweeps/s%201") == "bob/letters/s 1"


@pytest.mark.parametrize("text", ["", "a//b", "a/b/c/d", "a/b/c/d/e", None])
def test_what_is_no_path_is_refused(find, text):
    with pytest.raises(PathError, match="path of a sweep"):
        find(text)
