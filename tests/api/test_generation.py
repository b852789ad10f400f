"""An older history of a run is read, and nothing else: whatever verbs the contract has, or comes to have."""

import inspect

import pytest

from runlake.api.generation import GenerationService
from runlake.errors import UsageError
from runlake.model import RunPath
from runlake.service.contract import Service

PATH = RunPath("ann", "digits", "r1")
VERBS = sorted(
    name
    for name, member in inspect.getmembers(Service)
    if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
)
READ = {
    "list_edits", "list_keys", "read_console", "read_console_lines", "read_history", "read_run", "read_values",
    "sample_history",
}  # fmt: skip
SAME_FOR_ALL = {"count_files", "default_entity", "list_files", "list_generations", "open_file", "url"}


class Recorder:
    """Answers every verb with what it was asked."""

    url, default_entity = "file:///store", "ann"

    def __getattr__(self, verb):
        return lambda *arguments, **options: (verb, arguments, options)


def answer(verb):
    """What an older history makes of a verb of its run."""
    try:
        found = getattr(GenerationService(Recorder(), PATH, "g1"), verb)
        return found(PATH) if callable(found) else found
    except UsageError:
        return "refused"


def test_each_verb_of_the_contract_reads_the_generation_or_is_known_to_be_the_same_for_all_or_is_refused():
    expected = dict.fromkeys(VERBS, "refused")
    expected |= {verb: (verb, (PATH,), {"generation": "g1"}) for verb in READ}
    expected |= {verb: (verb, (PATH,), {}) for verb in SAME_FOR_ALL}
    expected |= {"url": "file:///store", "default_entity": "ann"}
    assert {verb: answer(verb) for verb in VERBS} == expected


def test_a_verb_that_the_contract_gets_later_is_refused():
    assert answer("rename_run") == "refused"


def test_what_is_refused_names_the_run_and_the_way_to_change_it():
    with pytest.raises(UsageError) as caught:
        GenerationService(Recorder(), PATH, "g1").edit_run(PATH, None)
    assert str(caught.value) == (
        "this is generation g1 of run ann/digits/r1, and an older history cannot be changed; "
        "change the run itself: runlake.Api().run(...)"
    )
