"""Objects of Python and of libraries: one form each, at every door."""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import types
import uuid
from pathlib import PurePosixPath
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import runlake
from runlake.media.table import Table
from runlake.plain import UNKNOWN, key_text, plain_of, plain_structure
from runlake.sdk.run.config import plain_config
from runlake.search.configuration import parse_sweep
from runlake.values import canonical, flatten, read_value


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Net:
    width: int = 3
    layers: tuple = (1, 2)
    registry: ClassVar[dict] = {"not": "a field"}
    seed: dataclasses.InitVar[int] = 0
    key: decimal.Decimal = decimal.Decimal("0.1")


class Sequence:
    """A sequence that inherits from nothing, as OmegaConf's was once."""

    def __init__(self, items):
        self.items_ = items

    def __len__(self):
        return len(self.items_)

    def __getitem__(self, index):
        return self.items_[index]

    def __iter__(self):
        return iter(self.items_)


class Dict:
    """A mapping that inherits from nothing, as ml_collections.ConfigDict."""

    def __init__(self, items):
        self.items_ = items

    def keys(self):
        return self.items_.keys()

    def items(self):
        return self.items_.items()

    def __getitem__(self, key):
        return self.items_[key]

    def __iter__(self):
        return iter(self.items_)

    def __len__(self):
        return len(self.items_)


class Pretrained:
    """As the configurations of Hugging Face are."""

    def to_dict(self):
        return {"hidden": 8, "dtype": np.int64(4)}


NS = "2024-01-01T00:00:00.000000001"
VALUES = {
    "timedelta": (datetime.timedelta(days=1, hours=2, seconds=3), "P1DT2H3S"),
    "timedelta of nothing": (datetime.timedelta(), "PT0S"),
    "timedelta before": (datetime.timedelta(microseconds=-1500), "-PT0.0015S"),
    "timedelta64": (np.timedelta64(90, "s"), "PT1M30S"),
    "timedelta64 ns": (np.timedelta64(1, "ns"), "PT0.000000001S"),
    "timedelta64 of years": (np.timedelta64(-3, "Y"), "-P3Y"),
    "timedelta64 without unit": (np.timedelta64(3), 3),
    "Timedelta": (pd.Timedelta("1h") + pd.Timedelta(5, "ns"), "PT1H0.000000005S"),
    "Decimal": (decimal.Decimal("1.50"), "1.50"),
    "Fraction": (fractions.Fraction(1, 3), "1/3"),
    "UUID": (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    "NA": (pd.NA, None),
    "NaT": (pd.NaT, None),
    "datetime64 that is missing": (np.datetime64("NaT", "ns"), None),
    "timedelta64 that is missing": (np.timedelta64("NaT", "s"), None),
    "date": (datetime.date(2024, 1, 2), "2024-01-02"),
    "time": (datetime.time(1, 2), "01:02:00"),
    "datetime": (datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), "2024-01-01T00:00:00+00:00"),
    "datetime64 D": (np.datetime64("2024-01-02"), "2024-01-02"),
    "datetime64 s": (np.datetime64("2024-01-01", "s"), "2024-01-01T00:00:00"),
    "datetime64 ns": (np.datetime64("2024-01-01", "ns"), "2024-01-01T00:00:00"),
    "datetime64 of a far year": (np.datetime64("20000-01-01T01", "h"), "20000-01-01T01:00:00"),
    "datetime64 in an array": (np.array([["2024-01-01", "NaT"]], "datetime64[ns]"), [["2024-01-01T00:00:00", None]]),
    "Timestamp": (pd.Timestamp(NS), NS),
    "datetime64 of that time": (np.datetime64(NS), NS),
    "Period": (pd.Period("2024-01", "M"), "2024-01"),
    "Interval": (pd.Interval(0, 1), "(0, 1]"),
    "complex": (1 + 2j, "1+2j"),
    "complex64": (np.complex64(1 + 2j), "1+2j"),
    "clongdouble": (np.clongdouble(1 + 2j), "1+2j"),
    "complex array": (np.array([1j, 2]), ["1j", "2+0j"]),
    "deque": (collections.deque([1, 2]), [1, 2]),
    "range": (range(2), [0, 1]),
    "dict keys": ({"a": 1}.keys(), ["a"]),
    "dict values": ({"a": np.int8(1)}.values(), [1]),
    "dict items": ({"a": 1}.items(), [["a", 1]]),
    "frozen set": (frozenset([1]), [1]),
    "sequence": (Sequence([1, (2,)]), [1, [2]]),
    "UserList": (collections.UserList([1]), [1]),
    "generator": ((i for i in ()), []),
    "array of objects": (np.array([1, "a", None, decimal.Decimal(2)], object), [1, "a", None, "2"]),
    "Series": (pd.Series([1.5, 2.0]), [1.5, 2.0]),
    "Series of times": (pd.Series(pd.to_datetime(["2024-01-01", None])), ["2024-01-01T00:00:00", None]),
    "nullable Series": (pd.Series([1, None], dtype="Int64"), [1, None]),
    "Index": (pd.Index([1, 2]), [1, 2]),
    "PeriodIndex": (pd.period_range("2024-01", periods=2, freq="M"), ["2024-01", "2024-02"]),
    "Categorical": (pd.Categorical(["a", "b"]), ["a", "b"]),
    "polars Series": (pl.Series([1, 2]), [1, 2]),
    "enum": (Color.RED, "red"),
    "IntEnum": (Level.HIGH, 3),
    "path": (PurePosixPath("a/b"), "a/b"),
    "bytes": (b"x\xff", b"x\xff"),
    "bytearray": (bytearray(b"x"), b"x"),
    "memoryview": (memoryview(b"x"), b"x"),
    "void": (np.void(b"ab"), b"ab"),
    "longdouble": (np.longdouble(0.5), 0.5),
    "numpy bool": (np.bool_(True), True),
    "numpy text": (np.str_("x"), "x"),
    "proxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "UserDict": (collections.UserDict(a=(1,)), {"a": [1]}),
    "mapping": (Dict({"a": Dict({"b": Sequence([1])})}), {"a": {"b": [1]}}),
    "namespace": (argparse.Namespace(lr=0.1, net=types.SimpleNamespace(d=1)), {"lr": 0.1, "net": {"d": 1}}),
    "dataclass": (Net(), {"width": 3, "layers": [1, 2], "key": "0.1"}),
    "what has to_dict": (Pretrained(), {"hidden": 8, "dtype": 4}),
    "function": (len, "builtins.len"),
    "class": (Net, f"{__name__}.Net"),
    "keys that are no text": ({0: 0.5, True: {None: {1.5: {(1, "a"): {Color.RED: {b"x": {np.int64(3): 1}}}}}}},
                              {"0": 0.5, "true": {"None": {"1.5": {"1,a": {"red": {"x": {"3": 1}}}}}}}),
}  # fmt: skip


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """One run with every value at every door, as a reader finds it: by the door and the value's name."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("doors")
    for name, value in {"DIR": folder, "SILENT": 1, "SEAL": "off", "CONSOLE": "off", "DISABLE_SYSTEM": 1}.items():
        patch.setenv(f"RUNLAKE_{name}", str(value))
    with patch.context() as within:
        within.chdir(folder)
        table = Table(columns=["x"], data=[[value] for value, _ in VALUES.values()])
        run = runlake.init(project="p", id="r", config={k: v for k, (v, _) in VALUES.items() if k != "generator"})
        run.log({name: value for name, (value, _) in VALUES.items()})
        run.log({"table": table, "listed": [value for value, _ in VALUES.values()]})
        run.summary.update({f"s {name}": value for name, (value, _) in VALUES.items()})
        live = (run.config.as_dict(), run.summary.as_dict())
        run.finish()
        stored = runlake.Api().run("p/r")
        rows = list(stored.scan_history())
        stored.file(rows[1]["table"]["path"]).download(root=folder).close()
        cells = Table.from_stored(rows[1]["table"], lambda name: (folder / name).open("rb")).data
        yield {
            "row": rows[0],
            "list": dict(zip(VALUES, rows[1]["listed"], strict=True)),
            "table": dict(zip(VALUES, (cell for (cell,) in cells), strict=True)),
            "config": stored.config,
            "live config": live[0],
            "summary": {name[2:]: value for name, value in dict(stored.summary).items() if name[:2] == "s "},
            "live summary": {name[2:]: value for name, value in live[1].items() if name[:2] == "s "},
        }
    patch.undo()


@pytest.mark.parametrize("name", VALUES)
def test_a_value_has_one_form_at_every_door(doors, name):
    _, expected = VALUES[name]
    found = {door: values[name] for door, values in doors.items() if name in values}
    assert len(found) == len(doors) - 2 * (name == "generator")
    for door, value in found.items():
        value = dict(value) if hasattr(value, "keys") else value
        assert repr(value) == repr(expected), door


@pytest.mark.parametrize("name", [name for name in VALUES if name != "generator"])
def test_a_parameter_of_a_sweep_has_the_same_form(name):
    value, expected = VALUES[name]
    plan = parse_sweep({"method": "grid", "parameters": {"p": Dict({"values": Sequence([value])})}})
    assert repr(plan.document["parameters"]["p"]["values"]) == repr([expected])


@given(
    st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
    st.sampled_from(["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"]),
)
def test_a_moment_has_the_same_text_in_every_unit_and_as_a_datetime(moment, unit):
    value = np.datetime64(moment).astype(f"datetime64[{unit}]")
    exact = value.astype("datetime64[us]").item()
    expected = exact.date().isoformat() if unit in ("Y", "M", "W", "D") else exact.isoformat()
    assert plain_of(value) == plain_of(np.array([value]))[0] == expected
    if unit in ("s", "ms", "us", "ns"):
        assert plain_of(pd.Timestamp(value)) == expected
        assert plain_of(value.astype("datetime64[ns]")) == expected


@given(st.timedeltas(datetime.timedelta(days=-99_999), datetime.timedelta(days=99_999)))
@example(datetime.timedelta(days=-1, microseconds=1))
def test_a_span_has_the_same_text_as_timedelta_timedelta64_and_of_pandas_and_reads_back(span):
    text = plain_of(span)
    assert plain_of(np.timedelta64(span)) == plain_of(np.timedelta64(span).astype("timedelta64[ns]")) == text
    assert plain_of(pd.Timedelta(span)) == text
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    assert sign * pd.Timedelta(body).to_pytimedelta() == span


def test_a_frame_with_a_column_of_periods_is_a_table(tmp_path):
    frame = pd.DataFrame({"month": pd.period_range("2024-01", periods=2, freq="M"), "loss": [1.0, 2.0]})
    written = {}
    Table(dataframe=frame).stored(written.__setitem__, "t", 0)
    (content,) = written.values()
    assert content == b'{"columns":["month","loss"],"data":[["2024-01",1.0],["2024-02",2.0]]}'


class Many:
    """As a data set: it could say all its items, and nobody wants them in a configuration."""

    def __len__(self):
        return 10**9

    def __iter__(self):
        raise AssertionError("nobody asked for the items")

    __getitem__ = to_dict = __iter__

    def __str__(self):
        return "Many(10**9 items)"


class NeedsArguments:
    def to_dict(self, way):
        raise AssertionError


def test_what_has_no_form_is_its_text_in_a_configuration_without_an_address():
    found = plain_config(
        {"many": Many(), "no": NeedsArguments(), "ip": ipaddress.ip_address("::1"), "type": np.dtype("f4")}
    )
    assert found == {
        "many": "Many(10**9 items)",
        "no": f"<{__name__}.NeedsArguments object>",
        "ip": "::1",
        "type": "float32",
    }
    for value in (Many(), NeedsArguments(), object()):
        assert plain_of(value) is plain_structure(value) is UNKNOWN


def test_a_row_has_text_for_keys_and_a_configuration_may_have_any():
    assert flatten({"a": {0: {1: 2}}, "b": [{None: 1}]}) == {"a.0.1": 2, "b": canonical([{"None": 1}])}
    assert flatten({1: {2: 3}}, stringify_keys=True) == {"1.2": 3}
    assert (key_text(datetime.date(2024, 1, 1)), key_text(PurePosixPath("a/b"))) == ("2024-01-01", "a/b")


# The real ones --------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_objects_of_ml_collections():
    ml_collections = pytest.importorskip("ml_collections")
    config = ml_collections.ConfigDict({"lr": 0.1, "net": {"layers": (1, 2)}})
    config.twice = 2 * config.get_ref("lr")
    for value in (config, ml_collections.FrozenConfigDict(config)):
        expected = {"lr": 0.1, "net": {"layers": [1, 2]}, "twice": 0.2}
        assert plain_config({"o": value})["o"] == read_value(canonical(value)) == expected


@pytest.mark.integration
def test_objects_of_omegaconf():
    omegaconf = pytest.importorskip("omegaconf")
    config = omegaconf.OmegaConf.create({"lr": 0.1, "same": "${lr}", "must": "???", "list": [1, {"a": "${lr}"}]})
    expected = {"lr": 0.1, "same": 0.1, "must": "???", "list": [1, {"a": 0.1}]}
    assert plain_config({"o": config})["o"] == read_value(canonical(config)) == expected
    assert read_value(canonical(config.list)) == [1, {"a": 0.1}]
    assert parse_sweep(
        omegaconf.OmegaConf.create({"method": "grid", "parameters": {"p": {"values": [1, 2]}}})
    ).document["parameters"]["p"]["values"] == [1, 2]


@pytest.mark.integration
def test_objects_of_pydantic_attrs_box_addict_easydict_and_munch():
    pydantic, attrs = pytest.importorskip("pydantic"), pytest.importorskip("attrs")
    model = pydantic.create_model("Model", lr=(float, 0.1), inner=(dict, {"a": (1,)}))
    expected = {"lr": 0.1, "inner": {"a": [1]}}
    values = [model(), attrs.make_class("A", {"lr": attrs.field(), "inner": attrs.field()})(0.1, {"a": (1,)})]
    for package, name in (("box", "Box"), ("addict", "Dict"), ("easydict", "EasyDict"), ("munch", "Munch")):
        values.append(getattr(pytest.importorskip(package), name)(expected))
    for value in values:
        assert plain_config({"o": value})["o"] == read_value(canonical(value)) == expected, type(value)
