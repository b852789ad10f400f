"""Signal handlers of the user that come in the midst of our calls: whatever they do, they are obeyed."""

import itertools
import os
import signal
import sys
from pathlib import Path

import pytest

import breaking_in
from breaking_in import Breaker, in_pieces
from runlake.errors import UsageError
from runlake.store.care.check import check_run

CALLS = {
    "a row": lambda run: run.log({"i": 1}),
    "a row with text": lambda run: run.log({"i": 1, "text": "x"}),
    "a step": lambda run: run.log({"i": 1}, step=7),
    "the summary": lambda run: run.summary.update({"s": 1}),
    "the config": lambda run: run.config.update({"c": 1}),
    "the end": lambda run: run.finish(),
}


def at_every_place(begin, call, handler):
    """Runs of which one call is broken into, each at another place: (run, what was raised)."""
    for place in itertools.count():
        run = begin(f"r{place}")
        run.log({"i": 0})
        raised = None
        with Breaker(place, lambda run=run: handler(run)) as breaker:
            try:
                call(run)
            except BaseException as error:
                raised = error
        yield run, raised
        if not breaker.has_broken_in:
            return


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_a_handler_that_finishes_and_exits_is_obeyed(begin, stored, call):
    def leave(run):
        run.finish()
        sys.exit(0)

    *broken, (last, _) = at_every_place(begin, CALLS[call], leave)
    assert len(broken) > 5
    for run, raised in broken:
        assert (type(raised), run.state, stored.state(run.id)) == (SystemExit, "finished", ("finished", 0))
        assert stored.column("i", run.id) in ([0], [0, 1])
        assert check_run(stored.layout, run.run_path) == []
    last.finish()


@pytest.mark.parametrize("call", [name for name in CALLS if name != "the end"])
def test_a_handler_that_finishes_and_returns_ends_the_run_in_the_midst_of_the_call(begin, stored, call):
    *broken, (last, _) = at_every_place(begin, CALLS[call], lambda run: run.finish())
    for run, raised in broken:
        assert (type(raised) in (UsageError, type(None)), stored.state(run.id)) == (True, ("finished", 0))
        assert check_run(stored.layout, run.run_path) == []
        if raised is None and call.startswith("a row"):
            assert stored.column("i", run.id) == [0, 1]
    last.finish()


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_an_alarm_that_raises_a_timeout_is_no_fault_of_the_disk(begin, stored, call):
    def ring(run):
        raise TimeoutError("too late")

    *broken, (last, _) = at_every_place(begin, CALLS[call], ring)
    for run, raised in broken:
        assert type(raised) is TimeoutError
        run.finish()
        assert stored.state(run.id) == ("finished", 0)
        assert check_run(stored.layout, run.run_path) == []
    last.finish()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="each place wants a process that has decoded nothing yet")
def test_it_is_obeyed_in_the_midst_of_the_first_call_of_a_process_too(script, stored):
    process = script(
        f"""
        import itertools
        sys.path.append({str(Path(breaking_in.__file__).parent)!r})
        from breaking_in import Breaker

        def leave():
            run.finish()
            sys.exit(3)

        for place in itertools.count():
            print(place, flush=True)
            if not (child := os.fork()):
                run = runlake.init(id=f"r{{place}}", project="p")
                with Breaker(place, leave):
                    run.summary.update({{"s": 1}})
                sys.exit(0)
            if (code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) != 3:
                sys.exit(code)
        """
    )
    code, out, err = process.end()
    *broken, last = out.split()
    assert (code, err, len(broken) > 50) == (0, "", True)
    for place in (*broken, last):
        assert stored.state(f"r{place}") == ("finished", 0)


@pytest.mark.long
@pytest.mark.parametrize("call", CALLS)
def test_such_a_handler_is_obeyed_between_the_pieces_of_a_write_too(begin, stored, call, monkeypatch):
    def leave(run):
        run.finish()
        sys.exit(0)

    with in_pieces(monkeypatch, os, 20):
        *broken, (last, _) = at_every_place(begin, CALLS[call], leave)
    for run, raised in broken:
        assert (type(raised), stored.state(run.id)) == (SystemExit, ("finished", 0))
        assert check_run(stored.layout, run.run_path) == []
    last.finish()


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_real_signals_to_a_loop_that_logs_end_it_each_time(script, stored):
    for number in range(60):
        process = script(
            f"""
            run = runlake.init(id="r{number}", project="p")

            def leave(*_):
                run.finish()
                sys.exit(0)

            signal.signal(signal.SIGTERM, leave)
            print("logging", flush=True)
            for i in range(10**9):
                run.log({{"i": i}} if i % 2 else {{"i": i, "text": "x"}})
            """,
            RUNLAKE_DISABLE_SYSTEM="0",
            RUNLAKE_SYSTEM_INTERVAL_S="0.1",
            RUNLAKE_CONSOLE="auto",
        ).wait_for("logging")
        code, _, err = process.send(signal.SIGTERM).end()
        assert (code, err, stored.state(f"r{number}")) == (0, "", ("finished", 0))
        logged = stored.column("i", f"r{number}")
        assert logged == list(range(len(logged)))
        Path("script.py").unlink()
