"""`check` of a store that has saved views."""

import pytest

from runlake.model import Finding, RunPath
from runlake.service.local.service import LocalService
from runlake.view_model import ViewPath, ViewPut


@pytest.fixture
def service(tmp_path):
    service = LocalService(tmp_path / "store", default_entity="ann")
    for view_id in ("report1", "report2"):
        service.put_view(ViewPath("ann", "p", view_id), ViewPut(type="runs", name="n", spec="{}"))
    return service


def findings(service):
    return dict(service.check("ann", "p")).get(RunPath("ann", "p", ""), [])


def test_views_are_nothing_foreign(service):
    assert findings(service) == []


def test_what_is_no_view_and_what_says_nothing_is_named(service, tmp_path):
    folder = tmp_path / "store" / "ann" / "p" / "views"
    (folder / "report1.json").write_bytes(b"\0\0")
    (folder / "notes.txt").write_text("x")
    (folder / "folder.json").mkdir()
    assert findings(service) == [
        Finding(
            kind="foreign", place="views/folder.json", lost="nothing", advice="move it elsewhere; readers ignore it"
        ),
        Finding(kind="foreign", place="views/notes.txt", lost="nothing", advice="move it elsewhere; readers ignore it"),
        Finding(
            kind="corrupt",
            place="views/report1.json",
            lost="the view, until it is back or put again",
            advice="restore the file from a backup",
        ),
    ]
