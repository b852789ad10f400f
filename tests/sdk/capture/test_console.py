"""Printed lines are kept as a terminal would show them, and printing itself is never disturbed."""

import contextlib
import io
import logging
import os
import subprocess
import sys
import threading

import pytest

from runlake.sdk.capture import console
from runlake.sdk.capture.console import ConsoleCapture
from runlake.sdk.capture.terminal import KEPT_LINE_COUNT, MAX_LINE_LENGTH, Terminal
from waiting import DEADLINE_S


class Kept:
    """What was handed over: every call, and the text of each line in the end."""

    def __init__(self):
        self.calls = []

    def __call__(self, number, level, text, timestamp):
        self.calls.append((number, level, text))
        self.last_timestamp = timestamp

    @property
    def lines(self):
        return {number: (level, text) for number, level, text in self.calls}

    @property
    def texts(self):
        return [text for _, (_, text) in sorted(self.lines.items())]


@contextlib.contextmanager
def printing(write):
    """Real text streams as sys.stdout and sys.stderr, with a capture over them."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    capture = ConsoleCapture(write)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        capture.start()
        try:
            yield out, err
        finally:
            capture.stop()


def shown(*texts):
    """The lines of a terminal that was fed these texts."""
    terminal = Terminal(iter(range(10**6)).__next__)
    lines = {}
    for text in texts:
        terminal.feed(text, 0.0)
        lines.update({line.number: line.shown for line in terminal.changed if line.number is not None})
    return [lines[number] for number in sorted(lines)]


def test_lines_of_both_streams_are_numbered_in_the_order_in_which_they_begin():
    kept = Kept()
    with printing(kept) as (out, err):
        print("one", 1)
        print("oops", file=sys.stderr)
        print()
        print("no end", end="")
    assert kept.lines == {0: (None, "one 1"), 1: ("error", "oops"), 2: (None, ""), 3: (None, "no end")}
    assert kept.calls == [(0, None, "one 1"), (1, "error", "oops"), (2, None, ""), (3, None, "no end")]
    assert out.buffer.getvalue() == b"one 1\n\nno end"
    assert err.buffer.getvalue() == b"oops\n"


def test_the_stream_objects_stay_the_same_and_are_as_before_afterwards():
    with printing(Kept()) as (out, _):
        assert sys.stdout is out
        assert (sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.buffer) == ("utf-8", False, out.buffer)
        assert print("x", flush=True) is None
        assert sys.stdout.write("four") == 4
        sys.stdout.writelines(["a\n", "b\n"])
    assert "write" not in out.__dict__
    assert "flush" not in out.__dict__
    assert out.buffer.getvalue() == b"x\nfoura\nb\n"


def test_a_logging_handler_that_was_made_before_is_heard():
    kept = Kept()
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        handler = logging.StreamHandler()
        capture = ConsoleCapture(kept)
        capture.start()
        handler.emit(logging.LogRecord("n", logging.INFO, "", 0, "said", None, None))
        capture.stop()
    assert kept.calls == [(0, "error", "said")]


def test_a_progress_bar_rewrites_its_line_and_its_last_state_is_kept():
    kept = Kept()
    with printing(kept):
        for percent in range(0, 2001):
            sys.stderr.write(f"\r{percent / 20:.0f}%")
            sys.stderr.flush()
        sys.stderr.write("\n")
        print("done")
    assert kept.lines == {0: ("error", "100%"), 1: (None, "done")}
    assert len(kept.calls) < 100


def test_a_flushed_line_without_an_end_is_handed_over_at_once():
    kept = Kept()
    with printing(kept):
        print("loading ...", end=" ")
        assert kept.calls == []
        sys.stdout.flush()
        assert kept.calls == [(0, None, "loading ...")]
        print("done")
    assert kept.texts == ["loading ... done"]


def test_rewrites_wait_for_their_interval(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: clock[0])
    kept = Kept()
    with printing(kept):
        for state in range(30):
            sys.stdout.write(f"\r{state}")
            clock[0] += 0.02
    gaps = [int(text) for _, _, text in kept.calls]
    assert gaps[-1] == 29
    assert 5 <= len(gaps) <= 8


def test_several_bars_keep_their_lines():
    bars = ["\rA 0%", "\n", "\rB 0%", "\x1b[A"]
    moves = ["\rA 50%", "\n", "\rB 50%", "\x1b[A", "\rA 100%", "\n\rB 100%\x1b[A", "\n", "\n", "end\n"]
    assert shown(*bars, *moves) == ["A 100%", "B 100%", "end"]


def test_a_live_display_that_erases_and_goes_up_ends_in_its_last_frame():
    frames = [
        "\x1b[?25la: 1\nb: 1",
        "\r\x1b[2K\x1b[1A\x1b[2Ka: 2\nb: 2",
        "\r\x1b[2K\x1b[1A\x1b[2Ka: 3\nb: 3\n\x1b[?25h",
    ]
    assert shown(*frames) == ["a: 3", "b: 3"]


@pytest.mark.parametrize(
    ("texts", "lines"),
    [
        (["\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"], ["link"]),
        (["\x1b]0;title\x07text"], ["text"]),
        (["\x1b]8;;http://x\x1b", "\\link"], ["link"]),
        (["abc\b\bX"], ["aXc"]),
        (["abcdef\rxy\x1b[K"], ["xy"]),
        (["abcdef\x1b[3GZ\x1b[1K"], ["    ef"]),
        (["a\tb"], ["a\tb"]),
        (["one\ntwo\nthree\x1b[2A\r\x1b[J"], ["", "", ""]),
        (["a\r\nb\r\n"], ["a", "b"]),
        (["x\x1b[5Cy"], ["x     y"]),
        (["a\x1b[99999999999Ab"], ["ab"]),
        (["é漢🎉\rE"], ["E漢🎉"]),
        (["\x07bell\x00"], ["bell"]),
        (["\n\nx"], ["", "", "x"]),
    ],
)
def test_control_sequences_act_as_on_a_terminal(texts, lines):
    assert shown(*texts) == lines


@pytest.mark.parametrize(
    ("texts", "lines"),
    [
        (["\x1b[1;31mred\x1b[0m \x1b[38;5;200mpink\x1b[m"], ["\x1b[1;31mred\x1b[0m \x1b[38;5;200mpink\x1b[0m"]),
        (["\x1b", "[3", "1mred"], ["\x1b[31mred\x1b[0m"]),
        (["\x1b[32mtwo\nlines\x1b[39m plain"], ["\x1b[32mtwo\x1b[0m", "\x1b[32mlines\x1b[0m plain"]),
        (["\x1b[31mred\x1b[2D\x1b[34mX"], ["\x1b[31mr\x1b[0m\x1b[34mX\x1b[0m\x1b[31md\x1b[0m"]),
        (["plain \x1b[31mred\x1b[m\rPLAIN"], ["PLAIN \x1b[31mred\x1b[0m"]),
        (["\x1b[31m 5%\x1b[m\r\x1b[32m10%\x1b[m"], ["\x1b[32m10%\x1b[0m"]),
        (["\x1b[31mred\x1b[m\x1b[2K\rplain"], ["plain"]),
        (["\x1b[31mredder\x1b[m\x1b[4D\x1b[1K"], ["   \x1b[31mder\x1b[0m"]),
        (["\x1b[31mred\x1b[m\x1b[2Cfar"], ["\x1b[31mred\x1b[0m  far"]),
        (["\x1b[41m  \x1b[m  "], ["\x1b[41m  \x1b[0m"]),
        (["\x1b[1m\x1b[2m\x1b[3;4mall\x1b[22mfew"], ["\x1b[1;2;3;4mall\x1b[0m\x1b[3;4mfew\x1b[0m"]),
        (
            ["\x1b[38;2;255;128;0mrgb\x1b[48:2::1:2:3mmore"],
            ["\x1b[38;2;255;128;0mrgb\x1b[0m\x1b[38;2;255;128;0;48;2;1;2;3mmore\x1b[0m"],
        ),
        (["\x1b[4:3mwavy\x1b[4:0mnot"], ["\x1b[4mwavy\x1b[0mnot"]),
        (["\x1b[>4;2mkeys\x1b[38;9mnone\x1b[38mnone"], ["keysnonenone"]),
        (["\x1b[97;107mlight\x1b[39;49mnot\x1b[98;55mnot"], ["\x1b[97;107mlight\x1b[0mnotnot"]),
    ],
)
def test_colours_and_weights_are_kept_where_a_terminal_shows_them(texts, lines):
    assert shown(*texts) == lines


def test_colours_of_printed_lines_are_kept_and_a_bar_that_only_changes_its_colour_is_written_again():
    kept = Kept()
    with printing(kept):
        print("\x1b[31merror\x1b[0m: no", flush=True)
        sys.stdout.write("\x1b[31mbar\x1b[0m")
        sys.stdout.flush()
        sys.stdout.write("\r\x1b[32mbar\x1b[0m\n")
    assert kept.texts == ["\x1b[31merror\x1b[0m: no", "\x1b[32mbar\x1b[0m"]


@pytest.mark.slow
def test_more_looks_than_anybody_tells_apart_cost_a_bounded_amount():
    assert shown("\x1b[31mx\x1b[32mx" * MAX_LINE_LENGTH) == ["x" * MAX_LINE_LENGTH]
    few = shown("".join(f"\x1b[38;2;{i % 256};{i // 256};0mx" for i in range(5000)))[0]
    assert few.count("\x1b[38") == 4095
    assert few.endswith("x" * 905)


def test_a_line_of_any_length_and_a_cursor_at_any_height_cost_a_bounded_amount():
    assert shown("x" * (3 * MAX_LINE_LENGTH), "y") == ["x" * MAX_LINE_LENGTH]
    lines = shown("\n" * 1000 + "\x1b[1000Atop")
    assert len(lines) == 1000
    assert lines.index("top") == 1001 - KEPT_LINE_COUNT


def test_what_the_writer_itself_prints_is_shown_and_not_kept():
    calls = []

    def write(number, level, text, timestamp):
        calls.append(text)
        print("about", text)

    with printing(write) as (out, _):
        print("x")
    assert calls == ["x"]
    assert out.buffer.getvalue() == b"x\nabout x\n"


def test_an_error_of_the_writer_is_told_once_and_printing_goes_on():
    def write(number, level, text, timestamp):
        raise OSError("disk full")

    with printing(write) as (out, err):
        print("a")
        print("b")
    assert out.buffer.getvalue() == b"a\nb\n"
    assert err.buffer.getvalue() == b"runlake: printed lines are not all kept: OSError: disk full\n"


def test_errors_of_printing_stay_what_they_are():
    with printing(Kept()), pytest.raises(TypeError, match="must be str"):
        sys.stdout.write(3)


def test_a_stream_that_was_put_over_ours_is_left_alone():
    kept = Kept()
    with printing(kept) as (out, _):
        below = out.write

        def above(text):
            return below(text.upper())

        out.write = above
        print("x")
    assert out.write is above
    print("after", file=out)
    assert out.buffer.getvalue() == b"X\nAFTER\n"
    assert kept.texts == ["X"]


def test_two_captures_may_end_in_any_order():
    first, second = Kept(), Kept()
    captures = [ConsoleCapture(first), ConsoleCapture(second)]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        captures[0].start()
        print("a")
        captures[1].start()
        print("b")
        captures[0].stop()
        print("c")
        captures[1].stop()
        print("d")
    assert (first.texts, second.texts) == (["a", "b"], ["b", "c"])
    assert out.getvalue() == "a\nb\nc\nd\n"


def test_numbers_go_on_where_an_earlier_writer_stopped():
    kept = Kept()
    with contextlib.redirect_stdout(io.StringIO()):
        capture = ConsoleCapture(kept, first_number=7)
        capture.start()
        print("x")
        capture.stop()
        capture.stop()
    assert kept.calls == [(7, None, "x")]


def test_lines_of_many_threads_all_arrive_whole():
    kept = Kept()

    def work(name):
        for i in range(200):
            sys.stdout.write(f"{name}-{i}\n")

    with printing(kept):
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(kept.texts) == sorted(f"{name}-{i}" for name in "abcd" for i in range(200))
    assert sorted(kept.lines) == list(range(800))


def test_a_missing_stream_is_no_fault(monkeypatch):
    kept = Kept()
    monkeypatch.setattr(sys, "stdout", None)
    capture = ConsoleCapture(kept)
    capture.start()
    print("nowhere")
    capture.stop()
    assert kept.calls == []


SCRIPT = """
import os, signal, sys
from runlake.sdk.capture.console import ConsoleCapture
lines = []
def write(number, level, text, timestamp):
    lines.append(text)
    if text == "kill":
        os.kill(os.getpid(), signal.SIGUSR1)
capture = ConsoleCapture(write)
signal.signal(signal.SIGTERM, lambda *_: print("term"))
signal.signal(signal.SIGUSR1, lambda *_: capture.stop())
capture.start()
print("before")
sys.stdout.flush()
if os.fork() == 0:
    print("child")
    sys.stdout.flush()
    os._exit(0)
os.wait()
os.kill(os.getpid(), signal.SIGTERM)
print("kill")
print("after")
sys.stdout.flush()
os.write(2, repr(lines).encode())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and signals")
def test_forks_and_signal_handlers_neither_hang_nor_disturb():
    command = [sys.executable, "-c", SCRIPT]
    result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert result.stdout == "before\nchild\nterm\nkill\nafter\n"
    assert result.stderr == "['before', 'term', 'kill']"
