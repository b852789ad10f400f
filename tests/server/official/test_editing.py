"""`wandb.Api()` of the official client edits what is stored."""

import math
from pathlib import Path

import pytest

HERE = Path(__file__).parent

works = pytest.mark.works


@pytest.fixture(scope="module")
def tour(seat):
    return seat.run(HERE / "editing_tour.py").answers()


@works("Run.config", "Run.update", "Run.save")
def test_a_config_is_edited(tour):
    assert tour["edit_config"] == {"lr": 0.2, "net": {"depth": 2, "width": 3}, "new": [1, {"x": None}]}


@works("Run.summary")
def test_a_summary_is_edited(tour, seat):
    found = tour["edit_summary"]
    assert math.isnan(found.pop("nan"))
    assert found == {
        "loss": 0.25,
        "nested": {"x": 1, "y": 2},
        "whole": 3,
        "spread": {"_type": "histogram", "values": [1, 2], "bins": [1, 2, 3]},
        "best": {"epoch": 3},
    }
    assert math.isnan(seat.api.run("ada/edited/r1").summary["nan"])


@works("Run.update")
def test_the_edit_of_one_client_does_not_undo_that_of_another(tour):
    before, by, lr, summary = tour["two_clients"]
    assert before == [0.2, 0.2, 0.25, 0.25]
    assert (by, lr, summary) == ("one", 0.4, {"by_one": 1, "by_other": 2, "loss": 0.25})


@works("Run.name", "Run.tags", "Run.notes", "Run.group")
def test_names_tags_and_notes_are_edited(tour):
    assert tour["rename"][:4] == ["renamed", ["x", "größe"], "some\nnotes", "g"]
    assert tour["untag"] == ["größe"]


@works("Run.upload_file", "File.delete")
def test_a_file_is_put_beside_a_run_replaced_and_removed(tour):
    assert tour["upload"] == ["result.txt", 5, "first", "second"]
    assert tour["delete_file"] == []


@works("Api.create_run", "Run.update_state", "Run.delete")
def test_a_run_is_made_failed_queued_again_and_deleted(tour):
    assert tour["create"] == ["made", ["ada", "edited", "made"], "running", "made"]
    assert tour["fail"] == [True, "failed", "failed"]
    assert tour["requeue"] == [True, "pending"]
    assert "a run can be made pending or failed, not 'finished'" in tour["forbidden_state"]["message"]
    assert tour["delete"] is False
    assert tour["delete_twice"] is False


@works("Api.create_project")
def test_a_project_is_made_once(tour):
    assert tour["create_project"] == ["brand-new"]


def test_edits_leave_the_rows_as_they_were_logged(tour):
    (row,) = tour["history_untouched"]
    assert math.isnan(row.pop("nan"))
    assert row == {"loss": 0.5, "nested": {"x": 1}, "whole": 3}
