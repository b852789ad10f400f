"""What a run can do beside logging rows, as its readers see it: after a kill and a seal too, or on a full disk."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import runlake
from runlake.errors import UsageError
from runlake.model import Alert
from runlake.sdk.active_run import NotStartedError
from runlake.store.compact.seal import seal_run

pytestmark = pytest.mark.usefixtures("home")

BEGIN = 'run = runlake.init(id="r", project="p")\n'


@pytest.fixture
def source(home):
    """A folder with a program and its data."""
    (home / "work" / "train.py").write_text("print(1)")
    (home / "work" / "data.csv").write_text("1")
    return home / "work"


def alerts_of(info):
    return [(alert.level, alert.title, alert.text) for alert in info.alerts]


# Alerts


def test_an_alert_is_read_while_the_run_goes_on_and_when_it_is_sealed(begin, stored, home):
    run = begin()
    run.log({"loss": 1.0})
    run.alert("Loss is NaN", "at step 3\nof 9", level=runlake.AlertLevel.ERROR)
    run.alert("slow", "a")
    run.alert("slow", "b", wait_duration=60)
    expected = [("ERROR", "Loss is NaN", "at step 3\nof 9"), ("INFO", "slow", "a")]
    assert alerts_of(stored.info()) == expected
    run.finish()
    assert seal_run(stored.layout, stored.path())
    api = runlake.Api(str(home / "store"))
    assert alerts_of(api.run("ann/p/r")) == alerts_of(api.runs("ann/p")[0]) == expected
    (first, _) = api.run("ann/p/r").alerts
    assert isinstance(first, Alert)
    assert run.start_time <= first.timestamp <= stored.info().heartbeat_at
    assert stored.rows() == [{"_step": 0, "loss": 1.0}]


def test_the_alerts_of_all_processes_of_a_run_are_one_list_and_those_of_another_attempt_are_not(begin, stored):
    begin().alert("first", "")
    begin(resume="must").alert("second", "")
    assert [alert.title for alert in stored.info().alerts] == ["first", "second"]
    begin()
    assert stored.info().alerts == ()


def test_an_alert_survives_a_kill_and_is_told_once(script, stored):
    process = script(
        BEGIN, 'run.alert("half \\udce9", "gone")\nos.kill(os.getpid(), signal.SIGKILL)', RUNLAKE_SILENT="0"
    )
    code, _, err = process.end()
    assert (code, err.count("runlake: INFO half \\udce9: gone\n")) == (-signal.SIGKILL, 1)
    assert (alerts_of(stored.info()), stored.state()) == ([("INFO", "half \\udce9", "gone")], ("crashed", None))


@pytest.mark.parametrize("settings", [{"silent": True}, {"mode": "disabled", "silent": False}])
def test_a_silent_run_and_a_disabled_one_say_nothing(begin, capsys, settings):
    begin(**settings).alert("a", "b")
    assert capsys.readouterr() == ("", "")


def test_an_ended_run_takes_no_alerts(begin):
    run = begin()
    run.finish()
    with pytest.raises(UsageError, match="has ended"):
        run.alert("a", "b")


# Where nothing is written


def test_disabled_nothing_of_it_is_written(session, home, source):
    run = runlake.init(mode="disabled")
    run.alert("a", "b")
    run.log_code()
    assert run.log_model("data.csv") == f"run-{run.id}-data.csv"
    assert run.save("data.csv") == []
    run.summary["page"] = runlake.Html("<p>")
    run.mark_preempting()
    assert run.status() == (0, 0, None)
    run.finish(exit_code=1)
    assert (run.state, (home / "store").exists()) == ("preempted", False)


# Preempting


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ("", ("finished", 0)),
        ("sys.exit(3)", ("preempted", 3)),
        ("raise RuntimeError", ("preempted", 1)),
        ("os.kill(os.getpid(), signal.SIGTERM)", ("preempted", 143)),
        ("os.kill(os.getpid(), signal.SIGKILL)", ("preempted", None)),
    ],
)
def test_a_run_that_was_marked_and_does_not_end_well_is_preempted(script, stored, home, ending, state):
    script(BEGIN, "run.log({'a': 1})\nrunlake.mark_preempting()\n", ending).end()
    assert stored.state() == state
    runs = runlake.Api(str(home / "store")).runs("ann/p")
    assert [(run.state, run.exit_code) for run in runs] == [state]
    seal_run(stored.layout, stored.path())
    assert stored.state() == state


def test_the_mark_holds_until_another_process_goes_on(begin, stored):
    run = begin()
    assert stored.info().state == "running"
    run.mark_preempting()
    assert (stored.info().state, run.state) == ("preempting", "running")
    run.finish(exit_code=1)
    assert (run.state, stored.state()) == ("preempted", ("preempted", 1))
    again = begin(resume="must")
    assert stored.info().state == "running"
    again.finish(exit_code=1)
    assert stored.state() == ("failed", 1)


# Watching, status, notebooks


def test_the_status_counts_rows_and_what_the_disk_has_refused(begin):
    run = begin()
    run.log({"a": 1})
    run.log({"a": 2}, commit=False)
    assert run.status() == (2, 0, None)
    assert run.status().sync_items_total == 2


@pytest.mark.slow
def test_a_run_shows_itself_in_a_notebook_and_only_there(begin, script, home):
    (home / "home").mkdir()
    run = begin()
    assert run.to_html() == run._repr_html_()
    assert run.display() is False
    shell = "from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.instance()\n"
    code, out, err = script(BEGIN, shell, "print(run.display())").end()
    assert (code, out) == (0, "<IPython.core.display.HTML object>\nTrue\n"), err


def test_calls_may_be_imported_before_init_and_speak_to_the_active_run(session, stored, source):
    from runlake import alert, log_code, mark_preempting, use_model, watch  # noqa: F401

    with pytest.raises(NotStartedError, match=r"runlake\.alert was used before runlake\.init"):
        alert("a", "b")
    runlake.init(id="r", project="p")
    alert("a", "b", level="WARN")
    assert log_code().type == "code"
    assert runlake.log_model("data.csv") == "run-r-data.csv"
    assert Path(use_model("run-r-data.csv")).read_text() == "1"
    assert alerts_of(stored.info()) == [("WARN", "a", "b")]


def test_a_run_that_does_none_of_it_loads_none_of_it():
    script = (
        "import sys, runlake\nwith runlake.init(project='p') as run:\n    run.log({'a': 1})\n"
        "names = ('sdk.run.alerts', 'sdk.capture.code', 'artifacts', 'service', 'sdk.run.watch', 'plot')\n"
        "print([n for n in names if f'runlake.{n}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
