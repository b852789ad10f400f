"""Grids: every point once, in an order that stays."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import BadValueError
from runlake.search.configuration import parse_sweep
from runlake.search.grid import grid_index, grid_point, grid_size
from runlake.search.propose import propose
from runlake.values import encode_json


def grid(parameters):
    return parse_sweep({"method": "grid", "parameters": parameters})


def test_the_points_of_a_grid_in_their_order():
    plan = grid(
        {
            "lr": {"values": [0.1, 0.01]},
            "batch": {"distribution": "q_uniform", "min": 16, "max": 48, "q": 16},
            "net": {"parameters": {"depth": {"min": 1, "max": 2}, "kind": {"value": "mlp"}}},
        }
    )
    points = [grid_point(plan, index) for index in range(grid_size(plan))]
    assert [(point["batch"], point["lr"], point["net"]["depth"]) for point in points] == [
        (16, 0.1, 1), (16, 0.1, 2), (16, 0.01, 1), (16, 0.01, 2),
        (32, 0.1, 1), (32, 0.1, 2), (32, 0.01, 1), (32, 0.01, 2),
        (48, 0.1, 1), (48, 0.1, 2), (48, 0.01, 1), (48, 0.01, 2),
    ]  # fmt: skip
    assert points[0] == {"lr": 0.1, "batch": 16, "net": {"depth": 1, "kind": "mlp"}}
    assert list(points[0]) == ["lr", "batch", "net"]


values = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-1, 1), st.text(max_size=2))
countable = st.one_of(
    st.lists(values, min_size=1, max_size=4).map(lambda listed: {"values": listed}),
    st.tuples(st.integers(-5, 5), st.integers(0, 3)).map(lambda pair: {"min": pair[0], "max": sum(pair)}),
    st.integers(0, 3).map(lambda top: {"distribution": "q_uniform", "min": 0, "max": top, "q": 0.5}),
    st.just({"value": [1, 2]}),
)
flat_trees = st.dictionaries(st.sampled_from("abcd"), countable, min_size=1, max_size=3)
nested = flat_trees.map(lambda tree: {"parameters": tree})
trees = st.dictionaries(st.sampled_from("efg"), st.one_of(countable, nested), min_size=1, max_size=2)


@given(trees)
def test_a_grid_has_every_point_exactly_once_and_each_is_found_again(parameters):
    plan = grid(parameters)
    points = [grid_point(plan, index) for index in range(grid_size(plan))]
    assert len({encode_json(point) for point in points}) == len(points)
    assert [grid_index(plan, point) for point in points] == list(range(len(points)))


def test_the_order_does_not_depend_on_how_the_configuration_is_stored():
    plan = grid({"b": {"values": [1, 2]}, "a": {"values": [3, 4]}})
    stored = parse_sweep(json.dumps(plan.document, sort_keys=True))
    assert [grid_point(plan, index) for index in range(4)] == [grid_point(stored, index) for index in range(4)]


def test_a_point_of_an_immense_grid_is_found_at_once():
    plan = grid({name: {"min": 0, "max": 10**9 - 1} for name in "abc"})
    assert grid_size(plan) == 10**27
    assert grid_point(plan, 123456789_000000005_000000007) == {"a": 123456789, "b": 5, "c": 7}


def test_a_point_beyond_the_grid_is_refused():
    plan = grid({"a": {"values": [1, 2, 3]}})
    for index in (3, -1):
        with pytest.raises(BadValueError, match=f"the grid has 3 points, from 0 to 2; there is none of index {index}"):
            grid_point(plan, index)


def test_what_is_no_point_of_the_grid_has_no_index():
    plan = grid({"a": {"values": [1, 2]}, "net": {"parameters": {"b": {"min": 1, "max": 2}}}})
    others = [{}, {"a": 1}, {"a": 3, "net": {"b": 1}}, {"a": 1, "net": {"b": 3}}, {"a": 1, "net": 5}]
    assert [grid_index(plan, params) for params in others] == [None] * 5
    assert grid_index(plan, {"a": 1.0, "net": {"b": 2.0}, "more": 1}) == 1


def test_sampling_spaces_have_no_size():
    plan = parse_sweep({"method": "random", "parameters": {"a": {"min": 0.0, "max": 1.0}}})
    with pytest.raises(BadValueError, match="'a' has values that cannot be counted"):
        grid_size(plan)


def test_proposing_for_a_grid_is_its_next_point():
    plan = grid({"a": {"values": [1, 2, 3]}})
    assert [propose(plan, number, [], seed=1) for number in range(3)] == [{"a": 1}, {"a": 2}, {"a": 3}]
