"""How processes end, fork and are killed, and what is left of their runs: always every row that was acknowledged."""

import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runlake.store.compact.seal import seal_run
from runlake.store.journal import record
from runlake.store.opening.writers import open_editor
from runlake.store.run.state import read_state

pytestmark = [
    pytest.mark.usefixtures("home"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are those of POSIX"),
]

BEGIN_PYTHON = "cold"
BEGIN = 'run = runlake.init(id="r", project="p")\n'
LOG_ON = """
for i in range(10**9):
    run.log({"i": i})
    if i == 20:
        print("logging", flush=True)
    time.sleep(0.001)
"""


# How it ends


@pytest.mark.parametrize(
    ("ending", "exit_code", "state"),
    [
        ("", 0, ("finished", 0)),
        ("sys.exit()", 0, ("finished", 0)),
        ("sys.exit(0)", 0, ("finished", 0)),
        ("sys.exit(3)", 3, ("failed", 3)),
        ("sys.exit('no')", 1, ("failed", 1)),
        ("exit(3)", 3, ("failed", 3)),
        ("raise RuntimeError('boom')", 1, ("failed", 1)),
        ("raise KeyboardInterrupt", -signal.SIGINT, ("failed", 255)),
        ("runlake.finish(); sys.exit(3)", 3, ("finished", 0)),
        ("os._exit(0)", 0, ("crashed", None)),
        ("threading.Thread(target=sys.exit, args=(5,)).start()", 0, ("finished", 0)),
        (
            "main = threading.current_thread()\n"
            "threading.Thread(target=lambda: (main.join(), run.log({'late': 1}))).start()",
            0,
            ("finished", 0),
        ),
    ],
)
def test_a_run_ends_as_its_process_does(script, stored, ending, exit_code, state):
    code, _, _ = script(BEGIN, 'run.log({"a": 1})\nrun.log({"b": 2}, commit=False)', ending).end()
    assert (code, stored.state()) == (exit_code, state)
    row = {"_step": 1, "b": 2} | ({"late": 1} if "late" in ending else {})
    assert stored.rows() == [{"_step": 0, "a": 1}, row]


def test_ctrl_c_is_failed(script, stored):
    process = script(BEGIN, LOG_ON).wait_for("logging").send(signal.SIGINT)
    code, _, err = process.end()
    assert (code, stored.state()) == (-signal.SIGINT, ("failed", 255))
    assert "KeyboardInterrupt" in err
    assert stored.column("i") == list(range(len(stored.rows())))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_from_outside_is_killed(script, stored, number):
    process = script(BEGIN, LOG_ON).wait_for("logging").send(number)
    code, _, err = process.end()
    assert (code, err, stored.state()) == (-number, "", ("killed", 128 + number))
    assert stored.column("i") == list(range(len(stored.rows())))


@pytest.mark.slow
def test_a_signal_is_obeyed_whatever_the_process_is_at(script, stored):
    process = script(
        BEGIN,
        """
        print("logging", flush=True)
        for i in range(10**9):
            run.log({"i": i, "text": "x"} if i % 3 else {"i": i})
            print(i, end="" if i % 7 else "\\n")
            run.summary["i"] = i
        """,
        RUNLAKE_CONSOLE="auto",
        RUNLAKE_DISABLE_SYSTEM="0",
        RUNLAKE_SYSTEM_INTERVAL_S="0.1",
    ).wait_for("logging")
    for _ in range(1_000):
        process.process.stdout.readline()
    code, _, err = process.send(signal.SIGTERM).end()
    assert (code, err, stored.state()) == (-signal.SIGTERM, "", ("killed", 143))
    logged = stored.column("i")
    assert logged == list(range(len(logged)))
    assert len(stored.rows(stream="events")) >= 2
    lines = stored.file("output.log").read_text().splitlines()
    assert lines[1:9] == ["0", *("".join(map(str, range(i, i + 7))) for i in range(1, 50, 7))]


def test_kill_9_is_crashed_and_keeps_every_row_that_was_acknowledged(script, stored):
    process = script(
        BEGIN,
        """
        run.config["x"] = 1
        for i in range(10**9):
            run.log({"i": i}) if i % 3 else run.log({"i": i, "text": "x" * i}, commit=i % 2 == 0)
            os.write(1, b"%d\\n" % i)
        """,
    )
    acknowledged = 0
    for line in process.process.stdout:
        acknowledged = int(line)
        if acknowledged == 3000:
            process.send(signal.SIGKILL)
    process.end()
    logged = stored.column("i")
    assert stored.state() == ("crashed", None)
    assert stored.info().config == {"x": 1}
    assert len(logged) in range(acknowledged * 5 // 6, acknowledged + 3)
    assert stored.info().summary["i"] in (acknowledged, acknowledged + 1)


def test_a_handler_of_the_user_stays_the_user_s(script, stored):
    code, out, _ = script(
        """
        signal.signal(signal.SIGTERM, lambda *_: (print("mine"), sys.exit(7)))
        """,
        BEGIN,
        "os.kill(os.getpid(), signal.SIGTERM)",
    ).end()
    assert (code, out, stored.state()) == (7, "mine\n", ("failed", 7))


def test_hooks_of_others_still_run(script, stored):
    code, out, err = script(
        """
        sys.excepthook = lambda kind, *_: print("hook", kind.__name__)
        import atexit
        atexit.register(lambda: print("before"))
        run = runlake.init(id="r", project="p")
        atexit.register(lambda: run.log({"last": 1}))
        raise ValueError
        """
    ).end()
    assert (code, out, err) == (1, "hook ValueError\nbefore\n", "")
    assert (stored.state(), stored.column("last")) == (("failed", 1), [1])


@pytest.mark.slow
def test_ctrl_c_in_the_midst_of_rows_harms_none(script, stored):
    code, out, _ = script(
        BEGIN,
        """
        run.log({"i": -1, "x": 0.5})
        armed, kept, broken_off = False, [], 0

        def interrupt(number, frame):
            if armed:
                raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for i in range(30_000):
            try:
                armed = True
                run.log({"i": i, "x": 0.5} if i % 50 else {"i": i, "text": "t"})
                armed = False
                kept.append(i)
            except KeyboardInterrupt:
                armed = False
                broken_off += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(broken_off, *kept)
        """,
    ).end()
    broken_off, *kept = map(int, out.split())
    logged = stored.column("i")
    assert (code, broken_off > 10) == (0, True)
    assert len(set(logged)) == len(logged) <= 1 + len(kept) + broken_off
    assert set(kept) <= set(logged)


def test_a_handler_that_logs_gets_its_rows_in_whole(script, stored):
    code, out, err = script(
        BEGIN,
        """
        import itertools
        numbers = itertools.count()

        def handler(number, frame):
            run.log({"handled": next(numbers), "text": "x"})

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
        for i in range(20_000):
            run.log({"i": i, "x": 0.5})
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(next(numbers))
        """,
    ).end()
    assert (code, err) == (0, "")
    assert stored.column("i") == list(range(20_000))
    assert sorted(stored.column("handled")) == list(range(int(out)))
    assert int(out) > 10


@pytest.mark.long
def test_handlers_that_log_and_break_into_each_other_get_their_rows_in_whole(script, stored):
    code, out, err = script(
        BEGIN,
        """
        import itertools
        numbers, depth = itertools.count(), 0

        def handler(number, frame):
            global depth
            if depth < 4:
                depth += 1
                handled = next(numbers)
                run.log({"handled": handled, "text": "x"})
                if handled > 20_000:  # on a busy machine nothing else would ever be done
                    signal.setitimer(signal.ITIMER_REAL, 0)
                depth -= 1

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.00006)
        for i in range(6_000):
            run.log({"i": i, "x": 0.5})
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(next(numbers))
        """,
    ).end()
    assert (code, err) == (0, "")
    assert stored.column("i") == list(range(6_000))
    assert sorted(stored.column("handled")) == list(range(int(out)))


# Fork and spawn


def test_a_forked_child_logs_into_the_same_run(script, stored):
    code, _, err = script(
        BEGIN,
        """
        run.log({"parent": 0})
        if os.fork() == 0:
            for i in range(3):
                run.log({"child": i})
            run.config["by_child"] = 1
            os._exit(0)
        os.wait()
        run.log({"parent": 1})
        """,
    ).end()
    assert (code, err) == (0, "")
    assert (stored.column("parent"), stored.column("child")) == ([0, 1], [0, 1, 2])
    assert (stored.state(), stored.info().config) == (("finished", 0), {"by_child": 1})


def test_the_end_of_a_forked_child_is_not_the_end_of_the_run(script, stored):
    code, _, err = script(
        BEGIN,
        """
        if os.fork() == 0:
            run.log({"child": 1})
            sys.exit(9)
        os.wait()
        if os.fork() == 0:
            sys.exit(9)
        os.wait()
        run.log({"parent": 1})
        """,
    ).end()
    assert (code, err, stored.state()) == (0, "", ("finished", 0))
    assert (stored.column("child"), stored.column("parent")) == ([1], [1])
    assert len(list(stored.layout.journal_dir(stored.path()).iterdir())) == 2


def test_a_forked_child_dies_of_a_signal_that_comes_before_it_has_begun(script):
    code, out, err = script(
        BEGIN,
        """
        for _ in range(20):
            child = os.fork()
            if child == 0:
                time.sleep(2)
                os._exit(0)
            os.kill(child, signal.SIGTERM)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
        """,
    ).end()
    assert (code, out, err) == (0, "", "")


def test_children_that_never_log_leave_nothing(script, stored):
    code, _, err = script(
        BEGIN,
        """
        import multiprocessing

        def work(number):
            return number * 2

        with multiprocessing.get_context("fork").Pool(3) as pool:
            print(pool.map(work, range(5)))
        run.log({"a": 1})
        """,
    ).end()
    assert (code, err, stored.state()) == (0, "", ("finished", 0))
    assert len(list(stored.layout.journal_dir(stored.path()).iterdir())) == 1


def test_workers_of_multiprocessing_log_into_the_run_and_end_their_part_of_it(script, stored):
    code, _, err = script(
        BEGIN,
        """
        import multiprocessing

        def work(who):
            for i in range(50):
                run.log({"who": who, "i": i})

        workers = [multiprocessing.get_context("fork").Process(target=work, args=(w,)) for w in range(4)]
        for worker in workers:
            worker.start()
        for i in range(50):
            run.log({"who": -1, "i": i})
        for worker in workers:
            worker.join()
        """,
    ).end()
    assert (code, err, stored.state()) == (0, "", ("finished", 0))
    rows = stored.rows()
    assert sorted((row["who"], row["i"]) for row in rows) == [(who, i) for who in range(-1, 4) for i in range(50)]
    for who in range(-1, 4):
        assert [row["i"] for row in rows if row["who"] == who] == list(range(50))
    seal_run(stored.layout, stored.path())
    assert list(stored.layout.journal_dir(stored.path()).iterdir()) == []


WORK = """
    import multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor
    import runlake

    def work(how):
        run = runlake.init(id=how, project="p", reinit="finish_previous")
        run.log({"a": 1})
        if how == "raises":
            raise ValueError("boom")
        if how == "exits":
            sys.exit(3)

    def main(method, is_parent_begun):
        context = multiprocessing.get_context(method)
        if is_parent_begun:
            runlake.init(id="parent", project="p").log({"a": 1})
        workers = [context.Process(target=work, args=(how,)) for how in ("returns", "raises", "exits")]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        with context.Pool(1) as pool:
            pool.map(work, ["first of pool", "last of pool"])
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            list(executor.map(work, ["first of executor", "last of executor"]))

    if __name__ == "__main__":
        main(sys.argv[1], sys.argv[2] == "True")
"""


@pytest.mark.long
@pytest.mark.parametrize("is_parent_begun", [False, True], ids=["alone", "beside a run of the parent"])
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_run_of_a_worker_ends_as_what_the_worker_does(stored, method, is_parent_begun):
    Path("workers.py").write_text(textwrap.dedent(WORK))
    done = subprocess.run(
        [sys.executable, "-W", "error", "workers.py", method, str(is_parent_begun)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("ValueError: boom")) == (0, 1), done.stderr
    expected = dict.fromkeys(["returns", *(f"{n} of {w}" for n in ("first", "last") for w in ("pool", "executor"))])
    expected = dict.fromkeys(expected, ("finished", 0)) | {"raises": ("failed", 1), "exits": ("failed", 3)}
    expected |= {"parent": ("finished", 0)} if is_parent_begun else {}
    assert {name: stored.state(name) for name in expected} == expected


def test_a_run_of_a_forked_worker_ends_as_what_the_worker_does(script, stored):
    code, _, err = script(
        """
        import multiprocessing

        def work(how):
            runlake.init(id=how, project="p").log({"a": 1})
            if how == "raises":
                raise ValueError("boom")

        context = multiprocessing.get_context("fork")
        for how in ("returns", "raises"):
            worker = context.Process(target=work, args=(how,))
            worker.start()
            worker.join()
        """
    ).end()
    assert (code, err.count("boom")) == (0, 2)
    assert (stored.state("returns"), stored.state("raises")) == (("finished", 0), ("failed", 1))


def test_a_fork_in_the_midst_of_threads_that_log_blocks_nobody(script, stored):
    code, _, err = script(
        BEGIN,
        """
        over = threading.Event()

        def log_on(who):
            i = 0
            while not over.is_set():
                run.log({"who": who, "i": i})
                i += 1

        threads = [threading.Thread(target=log_on, args=(who,)) for who in range(2)]
        for thread in threads:
            thread.start()
        for number in range(8):
            if os.fork() == 0:
                run.log({"child": number})
                os._exit(0)
            os.wait()
        over.set()
        for thread in threads:
            thread.join()
        """,
    ).end()
    assert (code, err) == (0, "")
    assert stored.column("child") == list(range(8))
    for who in range(2):
        seen = [row["i"] for row in stored.rows() if row.get("who") == who]
        assert seen == list(range(len(seen)))


def test_a_terminated_child_leaves_the_run_alone(script, stored):
    code, _, err = script(
        BEGIN,
        """
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            run.log({"child": 1})
            os.write(writing, b"!")
            time.sleep(60)
        os.read(reading, 1)
        os.kill(child, signal.SIGTERM)
        assert os.waitpid(child, 0)[1] == signal.SIGTERM
        run.log({"parent": 1})
        """,
    ).end()
    assert (code, err, stored.state()) == (0, "", ("finished", 0))
    assert (stored.column("child"), stored.column("parent")) == ([1], [1])


@pytest.mark.slow
def test_a_spawned_worker_goes_on_with_the_run_by_its_id(script, stored):
    code, _, err = script(
        """
        import multiprocessing

        def work(number):
            with runlake.init(project="p", id="r", resume="must") as run:
                run.log({"worker": number})

        if __name__ == "__main__":
            with runlake.init(project="p", id="r") as run:
                run.log({"main": 1})
                worker = multiprocessing.get_context("spawn").Process(target=work, args=(7,))
                worker.start()
                worker.join()
                print(worker.exitcode)
        """
    ).end()
    assert (code, err) == (0, "")
    assert (stored.column("main"), stored.column("worker")) == ([1], [7])


# Asked to stop


def ask_to_stop(stored):
    path = stored.path()
    state = read_state(stored.layout, path)
    editor = open_editor(stored.layout, path, state.info, state.clock)
    editor.writer.record(record.STATE, {"stop": True})
    editor.writer.end({})


BEGIN_WATCHED = """
from runlake.sdk.process.session import Session
run = Session(tick_s=0.05).init(id="r", project="p")
run.log({"i": 0})
"""


@pytest.mark.parametrize(
    "training",
    [
        "print('ready', flush=True)\ntime.sleep(600)",
        "print('ready', flush=True)\nwhile True: run.log({'i': 1}); time.sleep(0.001)",
        "with run:\n    print('ready', flush=True)\n    time.sleep(600)",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('ready', flush=True)\nwhile True: time.sleep(0.01)",
    ],
)
def test_a_request_to_stop_ends_the_training_as_killed(script, stored, training):
    process = script(BEGIN_WATCHED, training).wait_for("ready")
    ask_to_stop(stored)
    code, _, _ = process.end()
    assert code != 0
    state, exit_code = stored.state()
    assert (state, exit_code != 0) == ("killed", True)


def test_edits_of_others_and_forked_children_do_not_stop_anybody(script, stored):
    process = script(
        BEGIN_WATCHED,
        """
        if os.fork() == 0:
            for i in range(50):
                run.log({"child": i})
            os._exit(0)
        os.wait()
        print("ready", flush=True)
        from pathlib import Path
        while not os.path.exists("edited"):
            time.sleep(0.01)
        source, copy = Path("live.txt"), Path(run.dir, "live.txt")
        source.touch()
        run.save("live.txt")
        for text in ("a", "bc", "def"):  # it is copied with each look at what others tell
            source.write_text(text)
            while copy.read_text() != text:
                time.sleep(0.01)
        """,
    ).wait_for("ready")
    path = stored.path()
    state = read_state(stored.layout, path)
    editor = open_editor(stored.layout, path, state.info, state.clock)
    editor.writer.record(record.CONFIG, {"set": {"x": 1}})
    editor.writer.end({})
    Path("edited").touch()
    assert process.end()[0] == 0
    assert stored.state() == ("finished", 0)


# A full disk


def full_at(size_bytes):
    """No file of this process may grow beyond so many bytes, until `room()`."""
    return f"""
        import resource, warnings
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        warnings.simplefilter("always")

        def full():
            resource.setrlimit(resource.RLIMIT_FSIZE, ({size_bytes}, resource.RLIM_INFINITY))

        def room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        """


def test_rows_wait_for_a_full_disk_and_are_written_when_there_is_room(script, stored):
    code, _, err = script(
        full_at(8192),
        """
        run = runlake.init(id="r", project="p")
        full()
        for i in range(1000):
            run.log({"i": i, "text": "x" * 40}, commit=i % 5 != 0)
            if i == 500:
                run.config["late"] = 1
                run.summary["mine"] = 2
        room()
        run.log({"i": 1000})
        """,
    ).end()
    assert code == 0
    assert len(re.findall("RunlakeWarning", err)) == 1
    assert "rows are kept in memory and written as soon as the disk takes them" in err
    assert stored.info().summary == {"i": 1000, "text": "x" * 40, "mine": 2}
    assert stored.info().config == {"late": 1}
    whole = [i for i in range(1001) if i % 5 or i == 1000]
    assert stored.column("i") == whole
    assert stored.state() == ("finished", 0)


def test_what_a_disk_that_stays_full_has_cost_is_said_at_the_end(script, stored):
    code, out, err = script(
        full_at(8192),
        """
        run = runlake.init(id="r", project="p")
        full()
        for i in range(300):
            run.log({"i": i, "text": "x" * 40})
        run.finish()
        print(run.state)
        """,
    ).end()
    logged = stored.column("i")
    assert (code, out) == (0, "finished\n")
    assert logged == list(range(len(logged)))
    assert 20 < len(logged) < 200
    assert f"{300 - len(logged)} rows or records of run ann/p/r could not be written and are lost" in err
    assert stored.info().summary["i"] == logged[-1]
    assert stored.state()[0] in ("crashed", "finished")


def test_strict_raises_what_the_disk_says(script, stored):
    code, out, _ = script(
        full_at(8192),
        """
        run = runlake.init(id="r", project="p", strict=True)
        full()
        try:
            for i in range(300):
                run.log({"i": i, "text": "x" * 40})
        except OSError as error:
            print(type(error).__name__, run.step == i)
        room()
        run.finish()
        """,
    ).end()
    assert (code, out) == (0, "OSError True\n")
    logged = stored.column("i")
    assert logged == list(range(len(logged)))
    assert stored.state() == ("finished", 0)


def test_a_disk_that_is_full_from_the_beginning_is_a_clear_error_of_init(script):
    code, out, err = script(
        full_at(300),
        """
        full()
        try:
            runlake.init(id="r", project="p")
        except runlake.ReadOnlyError as error:
            print("clear" if "cannot be written" in str(error) else error)
        """,
    ).end()
    assert (code, out) == (0, "clear\n"), err


# What is left behind


def test_a_finished_run_is_sealed_by_a_process_that_nobody_waits_for(script, stored, wait_until):
    code, out, err = script(
        BEGIN,
        """
        for i in range(10):
            run.log({"i": i})
        run.finish()
        import subprocess
        print(subprocess.run(["ps", "-o", "stat=", "--ppid", str(os.getpid())], capture_output=True, text=True).stdout)
        """,
        RUNLAKE_SEAL="detached",
    ).end()
    assert (code, err) == (0, "")
    assert "Z" not in out
    wait_until(lambda: not list(stored.layout.journal_dir(stored.path()).iterdir()))
    names = sorted(f.name.partition("-")[2] for f in stored.layout.segments_dir(stored.path()).glob("*.parquet"))
    assert names == ["history.parquet", "history.series.parquet"]
    assert (stored.column("i"), stored.state()) == (list(range(10)), ("finished", 0))


def test_sealing_can_be_left_to_others(script, stored):
    code, _, err = script(BEGIN, 'run.log({"a": 1})', RUNLAKE_SEAL="off").end()
    assert (code, err) == (0, "")
    assert not stored.layout.segments_dir(stored.path()).exists()


@pytest.mark.slow
def test_memory_stays_flat_over_many_rows(script, stored):
    code, out, err = script(
        """
        def resident_bytes():
            return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")

        run = runlake.init(id="r", project="p")
        sizes = []
        for i in range(80_000):
            run.log({"i": i, "loss": i * 0.5, "acc": 0.25})
            if i in (20_000, 79_999):
                sizes.append(resident_bytes())
        print(sizes[1] - sizes[0])
        """
    ).end()
    assert code == 0, err
    assert int(out) < 2 * 2**20
    assert stored.info().row_count == 80_000


def test_a_run_that_is_read_while_it_goes_on_shows_what_was_acknowledged(script, stored, wait_until):
    process = script(BEGIN, LOG_ON).wait_for("logging")
    first = stored.column("i")
    assert first == list(range(len(first)))
    assert len(first) >= 20
    assert stored.state() == ("running", None)
    wait_until(lambda: len(stored.column("i")) > len(first))
    process.send(signal.SIGKILL).end()
    wait_until(lambda: stored.state() == ("crashed", None))
