"""The promises of docs/inside/promises.md, each kept in front of witnesses."""

import contextlib
import math
import signal
import struct
import subprocess
import sys

import pytest
from pages import environment, make_desk

import runlake
import warm
from runlake.errors import CorruptError
from runlake.service.open import open_service

ENDLESS = """
import struct, sys
import runlake

run = runlake.init(project="p", id="killed", settings={"silent": True, "disable_system": True, "console": "off"})
step = 0
while True:
    run.log({"a": step, "b": float("nan") if step % 7 else -0.0, "c": str(step) if step % 100 == 0 else step})
    step += 1
    sys.stdout.buffer.write(struct.pack("<q", step))
    sys.stdout.buffer.flush()
"""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    folder = make_desk(tmp_path)
    monkeypatch.setenv("RUNLAKE_SEAL", "off")
    return folder


def log_a_run(folder, rows):
    settings = {"silent": True, "disable_system": True, "console": "off"}
    with runlake.init(store=folder / ".runlake", project="p", id="r", entity="ann", settings=settings) as run:
        for row in rows:
            run.log(row)
    return folder / ".runlake" / "ann" / "p" / "runs" / "r"


def read_rows(folder, run_id="r"):
    with runlake.Api(folder / ".runlake") as api:
        rows = [dict(row) for row in api.run(f"ann/p/{run_id}").scan_history()]
    for row in rows:
        del row["_timestamp"], row["_runtime"]
    return rows


def check(folder):
    """What is found wrong in the project."""
    service = open_service(folder / ".runlake")
    findings = [finding for _, found in service.check("ann", "p") for finding in found]
    service.close()
    return findings


def seal(folder):
    command = [sys.executable, "-m", "runlake", "seal", "ann/p"]
    done = warm.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("least_count", [1, 700, 3000])
def test_every_row_that_was_acknowledged_before_a_kill_is_there_once(desk, least_count):
    process = warm.Popen([sys.executable, "-c", ENDLESS], cwd=desk, env=environment(desk), stdout=subprocess.PIPE)
    process.stdout.read(8 * least_count)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    acknowledged_count = least_count + len(rest) // 8
    with runlake.Api(desk / ".runlake") as api:
        run = api.run("ann/p/killed")
        assert run.state == "crashed"
    steps = [row["a"] for row in read_rows(desk, "killed")]
    assert steps == list(range(len(steps)))
    assert len(steps) - acknowledged_count in (0, 1)


NAN_WITH_A_MESSAGE = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_DEAD_BEEF))[0]
ROWS = [
    {"a": NAN_WITH_A_MESSAGE, "b": -0.0, "c": math.inf},
    {"a": 2**63 - 1, "b": -(2**63), "c": 2**64},
    {"a": 0.1 + 0.2, "Ж/🙂": "text \0 and \N{SNOWMAN}", "x.y": 1, "x": {"y": 2.0}},
    {"a": True, "b": None, "list": [1, 1.0, None, {"nested": []}]},
    {},
]


def bits(value):
    """A value with its type and all its bits."""
    return (type(value).__name__, struct.pack("<d", value) if isinstance(value, float) else repr(value))


def with_bits(rows):
    return [{key: bits(value) for key, value in row.items() if key != "_step"} for row in rows]


def test_values_come_back_bit_for_bit_before_and_after_sealing(desk):
    run_dir = log_a_run(desk, ROWS)
    assert with_bits(read_rows(desk)) == with_bits(ROWS)
    seal(desk)
    assert list((run_dir / "journal").iterdir()) == []
    assert with_bits(read_rows(desk)) == with_bits(ROWS)


@pytest.mark.parametrize("is_sealed", [False, True], ids=["journal", "segment"])
def test_a_flipped_bit_anywhere_is_named_and_never_read_as_another_value(desk, is_sealed):
    rows = [{"loss": step / 3, "text": f"row {step}"} for step in range(20)]
    run_dir = log_a_run(desk, rows)
    if is_sealed:
        seal(desk)
    whole = read_rows(desk)
    files = [file for folder in ("journal", "segments") for file in (run_dir / folder).glob("[!.]*")]
    assert files
    for file in files:
        content = file.read_bytes()
        for place in range(0, len(content), max(1, len(content) // 12)):
            file.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
            assert any(file.name in finding.place for finding in check(desk)), (file.name, place)
            # Headers of Parquet pages have no checksum: what a reader does not notice there must change nothing.
            with contextlib.suppress(CorruptError):
                assert read_rows(desk) == whole, (file.name, place)
        file.write_bytes(content)
    assert check(desk) == []
    assert read_rows(desk) == whole


@pytest.mark.parametrize("is_sealed", [False, True], ids=["journal", "segment"])
def test_damage_is_an_error_that_names_the_file(desk, is_sealed):
    run_dir = log_a_run(desk, [{"loss": step / 3} for step in range(20)])
    if is_sealed:
        seal(desk)
    folder = run_dir / ("segments" if is_sealed else "journal")
    (file,) = folder.glob("*.meta" if is_sealed else "*.part")
    content = file.read_bytes()
    file.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    with pytest.raises(runlake.CorruptError, match=file.name):
        read_rows(desk)


def test_a_newer_store_format_is_refused_by_name(desk):
    run_dir = log_a_run(desk, ROWS)
    (part,) = (run_dir / "journal").iterdir()
    content = part.read_bytes()
    part.write_bytes(content[:7] + b"\x02" + content[8:])
    with pytest.raises(runlake.NewerFormatError, match="upgrade"):
        read_rows(desk)
