"""Saved views, as those who read a store have them."""

import pytest

from runlake.api.api import Api
from runlake.errors import NotFoundError, PathError
from runlake.service.local.service import LocalService
from runlake.view_model import ViewPath, ViewPut


@pytest.fixture
def api(tmp_path):
    with Api(service=LocalService(tmp_path / "store", default_entity="ann", user="ann")) as api:
        yield api


def test_a_view_is_made_read_changed_and_deleted(api):
    made = api.create_view("vision", "runs", "report", '{"a": 1}', display_name="Größe", description="d")
    assert (made.path, made.type, made.name, made.spec) == (["ann", "vision", made.id], "runs", "report", '{"a": 1}')
    for path in (f"vision/{made.id}", f"ann/vision/{made.id}", f"ann/vision/views/{made.id}"):
        assert api.view(path) == made
    assert repr(made) == f"<SavedView ann/vision/{made.id} (runs)>"
    other = api.view(f"vision/{made.id}")
    other.spec, other.display_name = "later", None
    other.save()
    found = api.view(f"vision/{made.id}")
    assert (found.spec, found.display_name, found.description) == ("later", None, "d")
    assert (found.user, found.created_at) == (made.user, made.created_at)
    found.delete()
    assert api.views("vision") == []
    with pytest.raises(NotFoundError, match="no view"):
        api.view(f"vision/{made.id}")


def test_views_are_listed_by_type_and_reports_by_name(api):
    service = api._service
    for view_id, type, name in (("aaaa", "runs", "one"), ("bbbb", "project-view", "two"), ("cccc", "runs", "three")):
        service.put_view(ViewPath("ann", "vision", view_id), ViewPut(type=type, name=name))
    assert [view.id for view in api.views("ann/vision")] == ["aaaa", "bbbb", "cccc"]
    assert [view.id for view in api.views("vision", type="project-view")] == ["bbbb"]
    assert [view.id for view in api.reports("vision")] == ["aaaa", "cccc"]
    assert [view.id for view in api.reports("vision", name="three")] == ["cccc"]
    for wrong in ("a/b/c/d", "vision/UPPER", "x/../y"):
        with pytest.raises((PathError, NotFoundError)):
            api.view(wrong)
