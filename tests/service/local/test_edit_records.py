"""What an edit of a stored run leaves in its journal."""

import pytest

from runlake.errors import BadValueError
from runlake.model import RunEdit
from runlake.service.local.edit_records import records_of
from runlake.store.journal import record


def test_an_edit_is_one_record_for_each_document_it_touches():
    edit = RunEdit(
        config_set={"lr": 0.5}, summary_unset=("loss",), info={"tags": ("a", "b"), "notes": None}, state="pending"
    )
    assert records_of(edit) == [
        (record.CONFIG, {"set": {"lr": 0.5}, "unset": []}),
        (record.SUMMARY, {"set": {}, "unset": ["loss"]}),
        (record.INFO, {"tags": ["a", "b"], "notes": None}),
    ]


def test_an_edit_of_nothing_leaves_nothing():
    assert records_of(RunEdit()) == []


@pytest.mark.parametrize("info", [{"colour": "red"}, {"tags": "a"}, {"name": 3}])
def test_an_edit_that_cannot_be_kept_is_refused_whole(info):
    with pytest.raises(BadValueError):
        records_of(RunEdit(config_set={"lr": 1}, info=info))
