"""The page of libraries says what their last trials found, and leaves out none."""

import runpy
from pathlib import Path

import results
from catalogue import TRIALS

GENERATOR = Path(__file__).parents[2] / "docs" / "generate_libraries.py"


def test_every_trial_has_been_recorded_as_it_stands_in_the_catalogue():
    known = results.recorded()
    assert list(known) == [trial.name for trial in TRIALS], "run `make test-integrations RECORD=--record`"
    for trial in TRIALS:
        said = {name: value for name, value in known[trial.name].items() if name not in results.FOUND}
        assert said == results.declared(trial), trial.name


def test_the_scripts_are_those_of_the_trials():
    scripts = {path.stem for path in GENERATOR.parents[1].glob("tests/integrations/scripts/*.py")}
    assert scripts == {trial.script for trial in TRIALS} | {"torchvision_on_cpu"}


def test_the_table_is_not_stale():
    made = runpy.run_path(str(GENERATOR))
    assert made["PAGE"].read_text("utf-8") == made["page"](), "run `make docs`"
    assert "Hydra" in made["table"]()
