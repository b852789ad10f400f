"""How long an answer may be, and that whoever follows what it says of the rest has everything in the end."""

import json
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages_of import every_page

from runlake.errors import BadValueError, TooLargeError
from runlake.mcp.answers import MAX_ANSWER_BYTES, Answer, Room, cut_text, page
from runlake.mcp.stdio import bounded
from runlake.mcp.tool import Caller
from runlake.mcp.tools import TOOLS, call
from runlake.model import RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.stopping import check_wanted
from runlake.sweep_model import SweepStart
from written_run import write_run

HIDING = "\U000e0041\u202e\x07"
"""Each letter takes 6 to 12 bytes of an answer."""


def test_an_answer_says_first_whether_it_is_all():
    assert Answer(found={"a": 1}).text() == '{"complete":true,"a":1}'
    cut = Answer(found={"a": float("nan")}, rest=["more: offset=1"], is_sampled=True)
    assert cut.text() == '{"complete":false,"sampled":true,"rest":["more: offset=1"],"a":{"$float":"NaN"}}'


@given(
    st.lists(st.one_of(st.text(max_size=400), st.integers(), st.floats(), st.lists(st.text(max_size=50), max_size=5))),
    st.integers(2_100, 6_000),
)
def test_what_fits_is_the_beginning_and_pages_make_the_whole(values, max_bytes):
    values = [cut_text(value, 100) if isinstance(value, str) else value for value in values]
    found, offset = [], 0
    while offset < len(values):
        room = Room(max_bytes)
        shown, rest = page(room, [room.shown(value, 20) for value in values], offset, "values")
        assert (
            len(Answer(found={"values": shown}, rest=[rest, *room.rest_of_texts("ask")]).text().encode()) <= max_bytes
        )
        assert shown, rest
        found += shown
        offset += len(shown)
        assert (rest == "") == (offset == len(values))
    assert len(found) == len(values)


@given(st.text(st.sampled_from(f'a ä{HIDING}"\\\ud800'), max_size=3000), st.integers(1, 500))
def test_a_text_that_is_cut_takes_no_more_than_it_may(text, max_characters):
    shown = Room().shown(text, max_characters)
    assert len(json.dumps(shown)) <= 6 * max_characters + 80
    assert len(shown) <= max_characters + 40
    assert shown == text or shown.endswith(" characters)")


@pytest.fixture(scope="module")
def caller(tmp_path_factory):
    """A store in which everything that can be long is, and hides."""
    root = tmp_path_factory.mktemp("long") / "store"
    long = HIDING * 1500
    alerts = [{"title": HIDING * 60, "text": long, "level": "INFO", "timestamp": 1.0} for _ in range(40)]
    for name in ("r1", "r2"):
        write_run(
            root,
            f"ann/long/{name}",
            config={f"{place}{HIDING * 200}": {long: [long] * 3} for place in range(30)},
            rows=[{f"loss{HIDING * 100}": 0.5, "text": long + name, "nested": [long] * 9} for _ in range(12)],
            console=[{"line": line, "text": long, "level": None} for line in range(50)],
            alerts=alerts,
            files={"a.txt": long.encode() * 5, f"{HIDING * 20}.txt": b"\xff\xfe" * 30_000},
        )
    with closing(LocalService(root, default_entity="ann", user="ann")) as service:
        info = {"name": long, "notes": long, "tags": [long, "x"], "group": long, "job_type": long}
        service.edit_run(RunPath("ann", "long", "r1"), RunEdit(info=info))
        config = {"method": "grid", "metric": {"name": long}, "description": long}
        config |= {"parameters": {f"{place}{HIDING * 200}": {"values": [long, 1]} for place in range(20)}}
        service.create_sweep("ann", "long", SweepStart(config=config, sweep_id="s1", name=long, seed=1))
        yield Caller(service=service, may_edit=True)


EVERYTHING = [
    ("list_projects", {}, "projects"),
    ("list_runs", {"project": "long", "columns": ["name", "notes", "tags", "group", "job_type"]}, "rows"),
    ("read_run", {"run": "long/r1", "parts": ["config"]}, "config"),
    ("read_run", {"run": "long/r1", "parts": ["summary"]}, "summary"),
    ("read_run", {"run": "long/r1", "parts": ["keys"]}, "keys"),
    ("read_run", {"run": "long/r1", "parts": ["files"]}, "files"),
    ("read_run", {"run": "long/r1", "parts": ["alerts"]}, "alerts"),
    ("read_metric", {"runs": ["long/r1"], "key": "text", "exact": True}, "runs"),
    ("read_file", {"run": "long/r1", "name": "a.txt"}, "text"),
    ("read_file", {"run": "long/r1", "name": f"{HIDING * 20}.txt"}, "text"),
    ("sql", {"query": "select * from history order by run_id, step, key"}, "rows"),
    ("compare_runs", {"runs": ["long/r1", "long/r2"], "everything": True}, "differences"),
    ("list_sweeps", {"project": "long"}, "sweeps"),
    ("read_sweep", {"sweep": "long/s1"}, "config"),
]


@pytest.mark.parametrize(("name", "arguments", "part"), EVERYTHING)
def test_no_answer_is_too_long_and_every_page_goes_on(caller, name, arguments, part):
    def ask(name, /, **arguments):
        text = call(name, arguments, caller)
        assert len(text.encode()) <= MAX_ANSWER_BYTES
        return json.loads(text)

    def of(found):
        if part == "runs":
            return found["runs"][0]["values"]
        return [found[part]] if isinstance(found[part], str) else rows_of(found[part])

    found = every_page(ask, name, of, **arguments)
    first = ask(name, **arguments)
    total_counts = [each["total_count"] for each in (first, first[part]) if "total_count" in each]
    assert found
    assert total_counts in ([], [len(found)])


def rows_of(part):
    return part["rows"] if isinstance(part, dict) else part


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("describe_project", {"project": "long"}),
        ("read_run", {"run": "long/r1", "parts": [*dict.fromkeys(["config", "summary", "keys", "files", "alerts"])]}),
        ("read_metric", {"runs": ["long/r1", "long/r2"] * 5, "key": f"loss{HIDING * 100}"}),
        ("read_metric", {"runs": ["long/r1"] * 10, "key": "nested", "exact": True}),
        ("read_console", {"run": "long/r1", "limit": 1000}),
        ("compare_runs", {"runs": ["long/r1"] * 8, "fail_if": [f"loss{HIDING * 100} > {n}" for n in range(20)]}),
        ("compare_runs", {"runs": ["long/r1", "long/r2"] * 4, "curves": True}),
        ("edit_run", {"run": "long/r1", "add_tags": [HIDING * 900], "config": {HIDING * 900: HIDING}}),
    ],
)
def test_what_shows_several_things_at_once_is_not_too_long_either(caller, name, arguments):
    assert len(call(name, arguments, caller).encode()) <= MAX_ANSWER_BYTES


def test_every_tool_says_what_it_is_for_and_refuses_what_it_does_not_know(caller):
    for tool in TOOLS.values():
        assert 40 < len(tool.description) < 1500, tool.name
        assert tool.schema()["additionalProperties"] is False
        with pytest.raises(BadValueError, match=f"^{tool.name}: .*its arguments are: "):
            call(tool.name, {"nothing_such": 1}, caller)


def test_work_that_nobody_waits_for_ends_and_so_does_work_that_takes_too_long():
    def work():
        check_wanted()
        return "done"

    assert bounded(work, lambda: False, max_call_s=60.0)() == "done"
    with pytest.raises(TooLargeError, match="this call was cancelled"):
        bounded(work, lambda: True, max_call_s=60.0)()
    with pytest.raises(TooLargeError, match="after 0 s this was not done; ask for less"):
        bounded(work, lambda: False, max_call_s=0.0)()
