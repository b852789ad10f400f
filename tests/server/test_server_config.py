"""How a server runs: what the command says, and what reaches the workers."""

import re
from pathlib import Path

import pytest

from runlake.errors import BadValueError
from runlake.server.config import LIMITS, ServerConfig

CONFIG = ServerConfig(root="/srv/store", default_entity="ann")
PAGE = Path(__file__).parents[2] / "docs" / "guide" / "command-line.md"
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def test_limits_are_named_and_reach_the_workers():
    config = CONFIG.with_limits(["max_header_count=20", "header_timeout_s=0.5", "requests_per_s = 7"])
    assert (config.max_header_count, config.header_timeout_s, config.requests_per_s) == (20, 0.5, 7.0)
    assert ServerConfig.from_environment(config.to_environment()) == config
    assert CONFIG.with_limits([]) == CONFIG


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("max_headers=20", "'max_headers' is no limit of a server; there are: requests_per_s, "),
        ("workers=20", "'workers' is no limit of a server; there are: requests_per_s, "),
        (
            "max_header_count=0",
            "'max_header_count=0': max_header_count is a whole number above 0, as in max_header_count=100",
        ),
        ("max_header_count=1.5", "'max_header_count=1.5': max_header_count is a whole number above 0, "),
        (
            "header_timeout_s=inf",
            "'header_timeout_s=inf': header_timeout_s is a number above 0, as in header_timeout_s=20",
        ),
        (
            "header_timeout_s=nan",
            "'header_timeout_s=nan': header_timeout_s is a number above 0, as in header_timeout_s=20",
        ),
        ("header_timeout_s", "'header_timeout_s': header_timeout_s is a number above 0, as in header_timeout_s=20"),
        ("max_body_bytes=" + "9" * 5_000, "max_body_bytes is a whole number above 0, as in max_body_bytes=67108864"),
    ],
)
def test_what_is_no_limit_is_refused_by_name(given, told):
    with pytest.raises(BadValueError) as raised:
        CONFIG.with_limits([given])
    assert told in str(raised.value)


def test_the_page_has_every_limit_with_its_default():
    table = PAGE.read_text("utf-8").partition("| Limit | Default | Bounds |\n")[2].partition("\n\n")[0]
    told = {}
    for line in table.splitlines()[1:]:
        _, names, defaults, *_ = (cell.strip() for cell in line.split("|"))
        numbers = [number.split() for number in defaults.split(", ")]
        values = [float(number[0]) * UNITS[number[1]] if number[1:] else float(number[0]) for number in numbers]
        told |= dict(zip(re.findall(r"`(\w+)`", names), values, strict=True))
    assert told == {name: getattr(CONFIG, name) for name in LIMITS}
