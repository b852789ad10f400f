"""What a `.wandb` file says, as rows and batches."""

import math

import pytest
from wandb_bytes import (
    CONFIG,
    EXIT,
    HISTORY,
    METRIC,
    OUTPUT,
    STATS,
    SUMMARY,
    field,
    history,
    item,
    items,
    log,
    record,
    run,
    timestamp,
)

from runlake.errors import BadValueError
from runlake.importers.foreign import ForeignRow
from runlake.importers.wandb_offline import find_logs, read, read_log
from runlake.model import LoggedRow, MetricRule


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "wandb" / "offline-run-20260101_000000-abc"
    (folder / "files").mkdir(parents=True)
    return folder


def write(folder, *records):
    file = folder / "run-abc.wandb"
    file.write_bytes(log(records))
    return file


def rows(foreign, stream="history"):
    return [said.row for said in foreign.said if isinstance(said, ForeignRow) and said.stream == stream]


def batches(foreign):
    return [said for said in foreign.said if not isinstance(said, ForeignRow)]


def test_a_run_says_who_it_is(folder):
    config = {"lr": 0.1, "model/layers": 2, "_wandb": {}}
    words = {"entity": "e", "project": "p", "name": "calm", "notes": "n", "tag": "t", "group": "g", "job_type": "j"}
    start = read_log(write(folder, run(config=config.items(), **words, host="h"))).start
    assert (start.name, start.notes, start.tags, start.group, start.job_type, start.host, start.created_at) == (
        "calm", "n", ("t",), "g", "j", "h", 1000.0,
    )  # fmt: skip
    assert start.config == {"lr": 0.1, "model": {"layers": 2}}


def test_rows_keep_values_steps_and_times(folder):
    values = {"loss": 0.5, "n": 3, "ok": True, "text": "é", "none": None, "deep/er": [1, {"a": 2}]}
    foreign = read_log(write(folder, run(), history(7, at=1003.5, **values)))
    assert rows(foreign) == [
        LoggedRow(
            7, 1003.5, 7.0,
            {"deep": {"er": [1, {"a": 2}]}, "loss": 0.5, "n": 3, "none": None, "ok": True, "text": "é"},
        )
    ]  # fmt: skip


def test_numbers_that_json_does_not_know_come_back(folder):
    message = b"".join(field(1, item(key, value=None, text=text)) for key, text in [("a", "NaN"), ("b", "-Infinity")])
    (row,) = rows(read_log(write(folder, run(), record(HISTORY, message))))
    assert math.isnan(row.values["a"])
    assert row.values["b"] == -math.inf


def test_values_in_fields_of_their_type_are_read_too(folder):
    typed = [field(4, 1), field(5, 2**64 - 3), field(6, 0.25), field(7, "t"), field(8, "[1]")]
    message = b"".join(field(1, field(1, f"k{place}") + value) for place, value in enumerate(typed))
    (row,) = rows(read_log(write(folder, run(), record(HISTORY, message))))
    assert row.values == {"k0": True, "k1": -3, "k2": 0.25, "k3": "t", "k4": [1]}


def test_the_summary_is_the_last_word_on_each_key(folder):
    edits = [items({"a": 1, "b/c": 1}), items({"a": 2, "_step": 3}), items({"b/d": 4}), field(2, field(1, "a"))]
    foreign = read_log(write(folder, run(), *(record(SUMMARY, edit) for edit in edits), record(EXIT, field(1, 3))))
    (end,) = batches(foreign)
    assert (end.summary, end.exit_code) == ({"b": {"c": 1, "d": 4}}, 3)


def test_a_run_that_does_not_say_its_end_has_none(folder):
    foreign = read_log(write(folder, run(), history(0, a=1), record(SUMMARY, items({"a": 1}))))
    assert [(batch.summary, batch.exit_code) for batch in batches(foreign)] == [({"a": 1}, None)]


def test_edits_of_the_config_are_whole_documents(folder):
    edits = [items({"b": 1}), items({"model/layers": 3}), field(2, field(1, "lr"))]
    foreign = read_log(
        write(folder, run(config={"lr": 0.1, "model/layers": 2}.items()), *(record(CONFIG, edit) for edit in edits))
    )
    assert [batch.config for batch in batches(foreign)][:3] == [
        {"lr": 0.1, "model": {"layers": 2}, "b": 1},
        {"lr": 0.1, "model": {"layers": 3}, "b": 1},
        {"model": {"layers": 3}, "b": 1},
    ]


def test_rules_system_metrics_and_printed_lines_come_along(folder):
    rule = field(1, "loss") + field(4, "epoch") + field(6, field(1, 1)) + field(7, field(1, 1) + field(2, 1))
    stats = field(2, timestamp(1002.5)) + items({"cpu": 12.5}, number=3)
    printed = [(1, "hello "), (1, "you\nand"), (0, "oops\n"), (1, " me\n")]
    lines = [record(OUTPUT, field(1, kind) + field(2, timestamp(1001)) + field(3, text)) for kind, text in printed]
    said = list(read_log(write(folder, run(), record(METRIC, rule), record(STATS, stats), *lines)).said)
    assert next(each.rules for each in said if not isinstance(each, ForeignRow)) == (
        MetricRule("loss", "epoch", ("min", "max"), None, False, True),
    )
    by_stream = [(each.stream, each.row.values) for each in said if isinstance(each, ForeignRow)]
    assert by_stream == [
        ("events", {"system.cpu": 12.5}),
        ("console", {"line": 0, "text": "hello you"}),
        ("console", {"line": 2, "text": "oops", "level": "error"}),
        ("console", {"line": 1, "text": "and me"}),
    ]


def test_what_has_no_home_here_is_counted(folder):
    foreign = read_log(write(folder, run(), record(8, b""), record(8, b""), record(25, b""), record(77, b"x")))
    assert (list(foreign.said)[:-1], dict(foreign.lost)) == (
        [],
        {"artifact": 2, "used artifact": 1, "record of kind 77": 1},
    )
    assert foreign.problems == ["run-abc.wandb: a record of an artifact without its name or manifest"] * 2


def test_files_lie_beside_the_log_and_links_are_followed_only_where_the_run_saved_them(folder, tmp_path):
    (tmp_path / "saved.txt").write_text("saved")
    (tmp_path / "secret").write_text("secret")
    (folder / "files" / "media").mkdir()
    (folder / "files" / "media" / "a.png").write_bytes(b"png")
    (folder / "files" / "saved.txt").symlink_to(tmp_path / "saved.txt")
    (folder / "files" / "secret").symlink_to(tmp_path / "secret")
    saved = b"".join(field(1, field(1, name)) for name in ("saved.txt", "gone.txt"))
    foreign = read_log(write(folder, run(), record(6, saved)))
    list(foreign.said)
    contents = {}
    for file in foreign.files:
        with file.open() as content:
            contents[file.name] = content.read()
    assert contents == {"media/a.png": b"png", "saved.txt": b"saved"}
    assert dict(foreign.lost) == {"saved file that is not beside the log": 1}
    assert len(foreign.problems) == 1
    assert "secret is a link" in foreign.problems[0]


def test_what_is_damaged_is_named_and_the_rest_is_read(folder):
    file = write(folder, run(), *(history(step, text="x" * 3000) for step in range(40)))
    data = bytearray(file.read_bytes())
    data[40_000] ^= 1
    file.write_bytes(data)
    foreign = read_log(file)
    steps = [row.step for row in rows(foreign)]
    assert steps == sorted(set(range(40)) & set(steps))
    assert 20 < len(steps) < 40
    assert ["damaged at byte" in problem for problem in foreign.problems] == [True]


def test_a_value_that_is_no_json_is_named_with_its_row_lost(folder):
    broken = record(HISTORY, field(1, item("a", value=None, text="{")))
    foreign = read_log(write(folder, run(), history(0, a=1), broken, history(2, a=3)))
    assert [row.step for row in rows(foreign)] == [0, 2]
    assert ["a value is no JSON" in problem for problem in foreign.problems] == [True]


def test_a_file_that_says_of_no_run_is_refused(folder):
    with pytest.raises(BadValueError, match="says of no run"):
        read_log(write(folder, history(0, a=1)))


def test_runs_are_found_from_a_file_a_folder_and_the_folder_around(folder, tmp_path):
    file = write(folder, run())
    (tmp_path / "wandb" / "latest-run").symlink_to(folder)
    for place in (file, folder, tmp_path / "wandb", tmp_path):
        assert list(find_logs(place)) == [file]
    assert [foreign.run_id for foreign in read(tmp_path)] == ["abc"]
    assert list(find_logs(tmp_path / "nothing")) == []


def test_the_same_run_has_the_same_mark_wherever_it_lies(folder, tmp_path):
    file = write(folder, run(), history(0, a=1))
    moved = tmp_path / "elsewhere.wandb"
    moved.write_bytes(log([run(), history(0, a=1), history(1, a=2)]))
    other = tmp_path / "other.wandb"
    other.write_bytes(log([run(started_at=2000.0)]))
    assert read_log(file).mark == read_log(moved).mark != read_log(other).mark
