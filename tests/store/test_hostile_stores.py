"""One bad run takes nothing with it: whatever it holds, the others are read, and it can be deleted.

And `check` calls nothing well that a reader fails at; `repair` never dies of it, and touches nobody else.
"""

import os
import shutil
import time
import warnings

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import hostile
from tests.hostile import BAD, GOOD

from runlake.errors import NotFoundError, RunlakeError, RunlakeWarning, StoreError
from runlake.query.rows.dicts import iter_rows
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore

pytestmark = pytest.mark.filterwarnings("ignore::runlake.errors.RunlakeWarning")


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    store = tmp_path_factory.mktemp("begun") / "store"
    hostile.begin(store)
    return store


@pytest.fixture
def store(begun, tmp_path):
    return shutil.copytree(begun, tmp_path / "store", symlinks=True)


def service_of(store):
    """A service over the store an hour later: what is missing by then is not waited for, as what is late would be."""
    for part in ("journal", "segments"):
        for folder in store.glob(f"*/*/runs/*/{part}"):
            moved_at = folder.lstat().st_mtime
            if time.time() - moved_at < 1800:
                os.utime(folder, (moved_at - 3600,) * 2, follow_symlinks=False)
    return LocalService(store, default_entity="ann")


def answers_of(service, path):
    """What each reader of one run says, an error of ours included; any other error is one of the test."""
    readers = {
        "run": lambda: service.read_run(path),
        "generations": lambda: service.list_generations(path),
        "files": lambda: [info.name for info in service.list_files(path)],
        "console": lambda: service.read_console(path),
        "sample": lambda: service.sample_history(path, "loss", samples=10).step.tolist(),
        "keys": lambda: service.list_keys(path),
        "outline": lambda: service.outline_history(path).row_count,
        "tail": lambda: list(iter_rows(service.read_tail(path, None).history)),
        "rows": lambda: list(iter_rows(service.read_history(path))),
        "events": lambda: list(iter_rows(service.read_history(path, stream="events"))),
    }
    answers = {}
    for name, read in readers.items():
        try:
            answers[name] = read()
        except (StoreError, NotFoundError) as error:
            answers[name] = error
    return answers


def failures_of(service, path):
    return {name: error for name, error in answers_of(service, path).items() if isinstance(error, StoreError)}


def check_the_others(store):
    """What reads many runs at once has the healthy one, whatever the other is."""
    service = service_of(store)
    assert "good" in [run.run_id for run in service.list_runs("ann", "p").runs]
    assert "good" in service.read_runs_table("ann", "p")["run_id"].to_pylist()
    blocks = service.read_histories("ann", "p", keys=["loss"])
    rows = {run_id: history.step.tolist() for block in blocks for run_id, history in block.histories()}
    assert rows["good"] == [0, 1, 2]
    assert [project.name for project in service.list_projects("ann")] == ["p"]
    service.list_sweeps("ann", "p")
    assert failures_of(service, GOOD) == {}


def contents(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def findings_of(store, path=None):
    found = [(run, finding) for run, findings in service_of(store).check() for finding in findings]
    return [finding for run, finding in found if path is None or run == path]


def do_and_survive(steps):
    """Go through what a verb yields; an error of ours at its end is an answer too."""
    try:
        return list(steps)
    except RunlakeError:
        return []


def check_law(store, kinds):
    """Whatever makes a reader fail is a finding."""
    service = service_of(store)
    found = dict(service.check())
    silent = {}
    for path, kind in kinds.items():
        failures = failures_of(service, path)
        if failures and not found.get(path):
            silent[kind] = failures
    assert silent == {}


RUNS = [*hostile.hostile_journals(), *hostile.hostile_metas()]


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [RUNS[::8], pytest.param(RUNS, marks=pytest.mark.long)], ids=["some", "all"])
def test_a_project_full_of_hostile_runs_is_read_checked_mended_and_emptied(kinds, store):
    kinds = hostile.spoil_many(store, kinds)
    good_dir = FolderStore(store).run_dir(GOOD)
    good = contents(good_dir)
    check_the_others(store)
    check_law(store, kinds)
    do_and_survive(service_of(store).repair(is_dry_run=True))
    do_and_survive(service_of(store).repair())
    assert contents(good_dir) == good
    check_the_others(store)
    check_law(store, kinds)
    do_and_survive(service_of(store).seal("ann", "p"))
    check_the_others(store)
    service = service_of(store)
    for path in kinds:
        service.delete_run(path)
    assert [run.run_id for run in service.list_runs("ann", "p").runs] == ["good"]
    assert len(service.list_trash()) >= len(kinds)
    list(service.empty_trash(older_than_s=0.0))
    assert service.list_trash() == []
    check_the_others(store)


def test_hostile_runs_are_sealed_and_deleted_as_they_are(store):
    kinds = hostile.spoil_many(store, hostile.hostile_journals()[1::3])
    do_and_survive(service_of(store).seal("ann", "p"))
    check_the_others(store)
    service = service_of(store)
    for path in kinds:
        service.delete_run(path)
    assert [run.run_id for run in service_of(store).list_runs("ann", "p").runs] == ["good"]


def test_hostile_places_keep_nobody_from_the_runs(store):
    for kind in hostile.hostile_places():
        kind.write(store)
    check_the_others(store)
    check_law(store, {GOOD: "good", BAD: "bad"})
    do_and_survive(service_of(store).repair(is_dry_run=True))
    do_and_survive(service_of(store).repair())
    check_the_others(store)
    service_of(store).delete_run(BAD)
    list(service_of(store).empty_trash(older_than_s=0.0))
    check_the_others(store)


@pytest.mark.long
@pytest.mark.parametrize("kind", hostile.hostile_stores(), ids=lambda kind: kind.name)
def test_each_kind_by_itself_takes_nothing_with_it(kind, store):
    kind.write(store)
    good_dir = FolderStore(store).run_dir(GOOD)
    good = contents(good_dir)
    check_the_others(store)
    check_law(store, {BAD: kind.name})
    do_and_survive(service_of(store).repair(is_dry_run=True))
    do_and_survive(service_of(store).repair())
    assert contents(good_dir) == good
    check_the_others(store)
    check_law(store, {BAD: kind.name})
    do_and_survive(service_of(store).seal("ann", "p"))
    service = service_of(store)
    service.delete_run(BAD)
    assert [run.run_id for run in service.list_runs("ann", "p").runs] == ["good"]
    list(service.empty_trash(older_than_s=0.0))
    check_the_others(store)


def test_a_run_that_cannot_be_read_says_so_in_the_listing(store):
    dict(hostile.hostile_journals())["end without row counts"](store)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RunlakeWarning)
        service_of(store).list_runs("ann", "p")
    assert ["run ann/p/bad cannot be read" in str(warning.message) for warning in told] == [True]


@pytest.mark.parametrize(
    ("name", "steps", "times"),
    [
        ("row at no time", [0, 0, 0], [True, False, True]),
        ("row at an infinite time", [0, 0], [False, True]),
        ("packed row at no time", [0, 0], [False, False]),
        ("row with an infinite runtime", [0, 0], [True, True]),
    ],
)
def test_rows_without_a_time_are_read_and_their_time_is_missing(store, name, steps, times):
    dict(hostile.hostile_journals())[name](store)
    service = service_of(store)
    history = service.read_history(BAD)
    assert history.step.tolist() == steps
    assert [time == time for time in history.timestamp.tolist()] == times
    info = service.read_run(BAD)
    assert (info.row_count, info.summary["loss" if "packed" not in name else "a"]) == (
        len(steps),
        1.0 if "packed" not in name else 2.0,
    )
    assert findings_of(store, BAD) == [] or {finding.kind for finding in findings_of(store, BAD)} == {"open"}


def test_what_a_repair_sets_aside_is_the_record_that_means_nothing(store):
    hostile.journal_of(
        hostile.says(hostile.START, name="bad", set={"lr": 0.1}),
        hostile.row(0),
        hostile.says(hostile.CONFIG, set=[1]),
        hostile.row(1),
        hostile.says(hostile.END, exit_code=0, row_counts={"history": 2, "events": 0, "console": 0}),
    )(store)
    service = service_of(store)
    assert {type(error).__name__ for error in failures_of(service, BAD).values()} == {"CorruptError"}
    list(service.repair())
    info = service.read_run(BAD)
    assert (info.state, info.config, info.row_count, service.read_history(BAD).row_count) == (
        "finished",
        {"lr": 0.1},
        2,
        2,
    )
    assert findings_of(store, BAD) == []


@pytest.mark.parametrize("wish", [{}, {"limit": 1}, {"last": 1}])
def test_the_rows_behind_lost_ones_are_followed_too(store, wish):
    part = hostile.part(
        hostile.says(hostile.START, name="bad", set={}),
        hostile.row(0, step=0),
        hostile.row(1, [1.0], step=1),
        hostile.row(2, step=2),
        hostile.row(3, step=3),
        hostile.says(hostile.END, exit_code=0, row_counts={"history": 4, "events": 0, "console": 0}),
    )
    (next(FolderStore(store).journal_dir(BAD).glob("*.part"))).write_bytes(part)
    service = service_of(store)
    list(service.repair())
    steps, cursor = [], None
    while (tail := service.read_tail(BAD, cursor, **(wish if cursor is None else {}))).history.row_count:
        steps, cursor = steps + tail.history.step.tolist(), tail.cursor
    assert steps == ([3] if "last" in wish else [0, 2, 3])
    assert tail.is_ended


odd = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.text(max_size=5),
        st.binary(max_size=5),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)
BODIES = {
    hostile.START: {"name": "bad", "set": {"lr": 0.1}},
    hostile.CONFIG: {"set": {"a": 1}, "unset": ["b"]},
    hostile.DEFINE: {"rule": {"name": "loss", "summary": ["min"]}},
    hostile.ALERT: {"title": "t", "text": "t", "level": "INFO", "timestamp": hostile.START_S},
    hostile.STATE: {"stop": True},
    hostile.END: {"exit_code": 0, "row_counts": {"history": 1, "events": 0, "console": 0}, "runtime": 1.0},
}


@st.composite
def spoiled_frames(draw):
    """Frames of a run of which one body has another value in one place, or bytes of it changed."""
    frames = []
    spoiled = draw(st.sampled_from(sorted(BODIES)))
    for kind, fields in BODIES.items():
        body = {"clock": hostile.CLOCK, "n": 0, **fields}
        if kind == spoiled:
            body[draw(st.sampled_from([*sorted(body), "more"]))] = draw(odd)
        packed = msgspec.msgpack.encode(body)
        flips = (
            draw(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 255)), max_size=2)) if kind == spoiled else []
        )
        frames += [(kind, hostile.flipped(packed, flips))]
        if kind == hostile.STATE:
            time, runtime = draw(st.floats()), draw(st.floats())
            values = draw(st.one_of(st.none(), st.dictionaries(st.text(max_size=4), odd, max_size=2)))
            frames.append(hostile.row(0, values, timestamp=time, runtime=runtime))
    return frames


@pytest.mark.long
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(frames=spoiled_frames())
def test_no_body_of_a_record_takes_anything_with_it(begun, tmp_path_factory, frames):
    store = shutil.copytree(begun, tmp_path_factory.mktemp("spoiled") / "store")
    hostile.journal_of(*frames)(store)
    check_the_others(store)
    check_law(store, {BAD: "bad"})
    do_and_survive(service_of(store).repair())
    check_the_others(store)
    check_law(store, {BAD: "bad"})
    service_of(store).delete_run(BAD)
    shutil.rmtree(store)
