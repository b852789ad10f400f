"""The ``parameters`` of a sweep configuration: which distribution is meant, and what belongs to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runlake.search.distributions import (
    EDGE,
    Beta,
    Categorical,
    Constant,
    Distribution,
    IntUniform,
    Law,
    LogNormal,
    LogUniform,
    Normal,
    Quantized,
    Uniform,
)
from runlake.search.plan import Tree
from runlake.search.problems import Problems, is_number, shown
from runlake.values import encode_json

LARGEST_EXPONENT = 700.0
"""math.exp can go no further, with some room to multiply."""


LARGEST_SHAPE = 1e9
"""Of a beta distribution: with much more, drawing from it never ends."""


@dataclass(frozen=True)
class Kind:
    """A distribution as it is written: the keys it must have, those it may leave out with what they are then."""

    needs: tuple[str, ...]
    build: Callable[..., Distribution]
    defaults: Mapping[str, Any]


class _Density(Law, Distribution, Protocol):
    """What the classes with a density are."""


def _law(law: Callable[..., _Density], needs: tuple[str, ...], defaults: Mapping[str, Any]) -> tuple[Kind, Kind]:
    """A distribution of real numbers, and the same in steps."""

    def build(**keys: float) -> Distribution:
        return law(**{key: float(value) for key, value in keys.items()})

    def build_in_steps(*, q: int | float, **keys: float) -> Distribution:
        return Quantized(law(**{key: float(value) for key, value in keys.items()}), q)

    return Kind(needs, build, defaults), Kind(needs, build_in_steps, {**defaults, "q": 1})


_MIN_MAX = ("min", "max")
_UNIFORM = _law(lambda *, min, max: Uniform(min, max), _MIN_MAX, {})
_LOG = _law(lambda *, min, max: LogUniform(math.exp(min), math.exp(max)), _MIN_MAX, {})
_LOG_VALUES = _law(lambda *, min, max: LogUniform(min, max), _MIN_MAX, {})
_INV_LOG = _law(lambda *, min, max: LogUniform(math.exp(-max), math.exp(-min)), _MIN_MAX, {})
_NORMAL = _law(Normal, (), {"mu": 0, "sigma": 1})
_LOG_NORMAL = _law(LogNormal, (), {"mu": 0, "sigma": 1})
_BETA = _law(Beta, (), {"a": 1, "b": 1})

KINDS: dict[str, Kind] = {
    "constant": Kind(("value",), lambda *, value: Constant(value), {}),
    "categorical": Kind(("values",), lambda **keys: _categorical(**keys), {"probabilities": None}),
    "int_uniform": Kind(_MIN_MAX, lambda *, min, max: IntUniform(min, max), {}),
    "uniform": _UNIFORM[0],
    "q_uniform": _UNIFORM[1],
    "log_uniform": _LOG[0],
    "log_uniform_values": _LOG_VALUES[0],
    "q_log_uniform": _LOG[1],
    "q_log_uniform_values": _LOG_VALUES[1],
    "inv_log_uniform": _INV_LOG[0],
    "inv_log_uniform_values": _LOG_VALUES[0],
    "normal": _NORMAL[0],
    "q_normal": _NORMAL[1],
    "log_normal": _LOG_NORMAL[0],
    "q_log_normal": _LOG_NORMAL[1],
    "beta": _BETA[0],
    "q_beta": _BETA[1],
}
"""Each distribution by the name that configurations use."""

_KEYS = ("distribution", "value", "values", "probabilities", "min", "max", "q", "mu", "sigma", "a", "b", "parameters")
_EXPONENTS = ("log_uniform", "q_log_uniform", "inv_log_uniform")
_ALIASES = {"categorical_w_probabilities": "categorical"}


def parse_parameters(given: Any, problems: Problems, *, path: str = "parameters") -> tuple[Tree, dict[str, Any]]:
    """The parameters, and how they are written in full."""
    if not isinstance(given, Mapping) or not given:
        problems.add(
            path, f"expected at least one parameter, such as {{'lr': {{'min': 0.0, 'max': 0.1}}}}, found {shown(given)}"
        )
        return {}, {}
    tree: dict[str, Any] = {}
    written = {}
    for name, spec in given.items():
        where = f"{path}.{name}"
        if not isinstance(spec, Mapping):
            problems.add(where, f"expected a mapping such as {{'value': {shown(spec)}}}, found {shown(spec)}")
        elif "parameters" in spec:
            for key in spec.keys() - {"parameters"}:
                problems.add(f"{where}.{key}", "a parameter that holds others has nothing but 'parameters'")
            tree[name], below = parse_parameters(spec["parameters"], problems, path=f"{where}.parameters")
            written[name] = {"parameters": below}
        elif parsed := _parse_one(spec, where, problems):
            tree[name], written[name] = parsed
    return tree, written


def doubts(written: Mapping[str, Any], *, path: str = "parameters") -> Iterator[str]:
    """What is allowed in parameters written in full, and hardly meant: values where exponents of e are asked for."""
    for name, spec in written.items():
        where = f"{path}.{name}"
        if "parameters" in spec:
            yield from doubts(spec["parameters"], path=f"{where}.parameters")
        elif (kind := spec["distribution"]) in _EXPONENTS and _look_like_values(spec["min"], spec["max"]):
            given = f"min={spec['min']!r} and max={spec['max']!r}"
            ends = sorted(math.exp(-spec[key] if kind.startswith("inv") else spec[key]) for key in _MIN_MAX)
            yield (
                f"{where}: {kind} takes exponents of e, so {given} give values from {ends[0]:.6g} to {ends[1]:.6g}; "
                f"for values between {spec['min']!r} and {spec['max']!r} write {kind}_values"
            )


def _look_like_values(low: float, high: float) -> bool:
    """Exponents of learning rates are below 0; a tiny number above it, or e to a large one, is nobody's wish."""
    return low > 0 and (low < 0.1 or high > 40)


def _parse_one(spec: Mapping[str, Any], where: str, problems: Problems) -> tuple[Distribution, dict[str, Any]] | None:
    before = len(problems.found)
    name = _kind_of(spec, where, problems)
    if name is None:
        return None
    kind = KINDS[name]
    allowed = ("distribution", *kind.needs, *kind.defaults)
    for key in spec:
        if key in _KEYS and key not in allowed:
            problems.add(f"{where}.{key}", f"{name} has no such key; it takes {', '.join(allowed[1:])}")
        elif key not in allowed:
            problems.unknown(f"{where}.{key}", key, allowed)
    keys = {key: spec.get(key, default) for key, default in kind.defaults.items()}
    for key in kind.needs:
        if key not in spec:
            problems.add(f"{where}.{key}", f"missing; {name} needs {' and '.join(kind.needs)}")
        else:
            keys[key] = spec[key]
    if len(problems.found) == before:
        _check(name, keys, where, problems)
    if len(problems.found) > before:
        return None
    if name == "int_uniform":
        keys = {key: int(value) for key, value in keys.items()}
    try:
        distribution = kind.build(**keys)
        if isinstance(distribution, Quantized) and distribution.bounds[0] > distribution.bounds[1]:
            problems.add(f"{where}.q", f"no multiple of {keys['q']} lies between min and max")
        _try_ends(distribution)
    except (ArithmeticError, ValueError) as error:
        problems.add(where, f"{name} of these gives numbers that no computer holds ({error}); narrow it down")
        return None
    written = {key: value for key, value in keys.items() if not (key == "probabilities" and value is None)}
    return distribution, {"distribution": name, **written}


def _try_ends(distribution: Distribution) -> None:
    """ArithmeticError where the rarest values of a distribution cannot be computed, or are infinite."""
    law = distribution.law if isinstance(distribution, Quantized) else distribution
    if isinstance(law, Beta):  # from 0 to 1
        law = Uniform(0.0, 1.0)
        distribution = Quantized(law, distribution.step) if isinstance(distribution, Quantized) else law
    ppf: Callable[[float], float] | None = getattr(distribution, "ppf", None)
    if ppf is None:
        return
    for value in (float(ppf(EDGE)), float(ppf(1 - EDGE))):
        if not math.isfinite(value):
            raise OverflowError(f"{value!r} is among them")


def _kind_of(spec: Mapping[str, Any], where: str, problems: Problems) -> str | None:
    """The distribution that is named, or that is meant where none is."""
    named = spec.get("distribution")
    if named is not None:
        name = _ALIASES.get(named, named) if isinstance(named, str) else named
        if isinstance(name, str) and name in KINDS:
            return name
        problems.no_such(f"{where}.distribution", "distribution", named, tuple(KINDS))
        return None
    if "values" in spec:
        return "categorical"
    if "value" in spec:
        return "constant"
    if "min" in spec or "max" in spec:
        ends = [spec[key] for key in _MIN_MAX if key in spec]
        return "int_uniform" if all(isinstance(end, int) and not isinstance(end, bool) for end in ends) else "uniform"
    for key in spec:
        if key not in _KEYS:
            problems.unknown(f"{where}.{key}", key, _KEYS)
            return None
    problems.add(where, "expected value, values, min and max, a distribution, or parameters")
    return None


def _check(name: str, keys: Mapping[str, Any], where: str, problems: Problems) -> None:
    """Whether the values of the keys can be right, each and together."""
    before = len(problems.found)
    for key in keys.keys() & {"min", "max", "q", "mu", "sigma", "a", "b"}:
        value = keys[key]
        if not is_number(value):
            problems.add(f"{where}.{key}", f"expected a number, found {shown(value)}")
        elif name == "int_uniform" and value != int(value):
            problems.add(
                f"{where}.{key}", f"int_uniform needs whole numbers, found {shown(value)}; see uniform, q_uniform"
            )
        elif (key in ("q", "a", "b") and value <= 0) or (key == "sigma" and value < 0):
            problems.add(f"{where}.{key}", f"expected a number above 0, found {shown(value)}")
        elif key in ("a", "b") and not 1 / LARGEST_SHAPE <= value <= LARGEST_SHAPE:
            problems.add(f"{where}.{key}", f"expected a number from 1e-9 to 1e9, found {shown(value)}")
        elif key == "min" and name.endswith("log_uniform_values") and value <= 0:
            problems.add(f"{where}.min", f"{name} needs numbers above 0, found {shown(value)}")
        elif key in _MIN_MAX and name in _EXPONENTS and abs(value) > LARGEST_EXPONENT:
            problems.add(
                f"{where}.{key}",
                f"{name} takes exponents of e, and {shown(value)} is too large for one: see {name}_values",
            )
    if len(problems.found) == before and "min" in keys and keys["min"] > keys["max"]:
        hint = f"; they are exponents of e: see {name}_values" if name in _EXPONENTS else ""
        problems.add(f"{where}.min", f"expected at most max, which is {keys['max']!r}, found {keys['min']!r}{hint}")
    if name == "categorical":
        _check_categories(keys["values"], keys["probabilities"], where, problems)


def _check_categories(values: Any, probabilities: Any, where: str, problems: Problems) -> None:
    if not isinstance(values, list) or not values:
        problems.add(f"{where}.values", f"expected a list of at least one value, found {shown(values)}")
        return
    if probabilities is None:
        return
    if not isinstance(probabilities, list) or not all(is_number(p) and p >= 0 for p in probabilities):
        problems.add(f"{where}.probabilities", f"expected a list of numbers from 0 on, found {shown(probabilities)}")
    elif len(probabilities) != len(values):
        problems.add(
            f"{where}.probabilities", f"expected one for each of the {len(values)} values, found {len(probabilities)}"
        )
    elif abs(sum(probabilities) - 1) > 1e-6:
        problems.add(f"{where}.probabilities", f"expected a sum of 1, found {sum(probabilities)!r}")


def _categorical(*, values: list[Any], probabilities: list[float] | None) -> Categorical:
    """Each value once; the probabilities of those that were written twice are added."""
    shares: dict[str, float] = {}
    kept: dict[str, Any] = {}
    for value, share in zip(values, probabilities or [1 / len(values)] * len(values), strict=True):
        text = encode_json(value)
        kept.setdefault(text, value)
        shares[text] = shares.get(text, 0.0) + share
    return Categorical(tuple(kept.values()), tuple(shares.values()) if probabilities else None)
