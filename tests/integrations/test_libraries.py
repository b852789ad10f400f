"""Others' libraries train for real, and leave the same in both ways: ``make test-integrations``.

``pytest -m libraries -k lightning tests/integrations`` runs a part; with ``--record`` what it finds goes into the
document that the page of libraries is made of.
"""

import pytest
import results
from catalogue import TRIALS
from outcome import try_out
from ways import is_there


@pytest.mark.long
@pytest.mark.libraries
@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_a_library_leaves_the_same_through_exec_and_with_the_official_client(trial, tmp_path, request):
    if not is_there(trial.environment):
        pytest.skip(f"no .venv/integrations/{trial.environment}: make .venv/integrations/{trial.environment}.done")
    found = try_out(trial, tmp_path)
    if request.config.getoption("--record"):
        results.record(trial, found)
    assert (found["undeclared"], found["not met"]) == ([], [])
    known = results.recorded()[trial.name]
    assert {way: found[way] for way in ("client", "exec")} == {way: known[way] for way in ("client", "exec")}
