"""Saved views through every way to a store."""

import pytest
from msgspec.structs import asdict, replace

from runlake.errors import BadValueError, NotFoundError, PathError
from runlake.store.views import MAX_SPEC_CHARACTERS
from runlake.view_model import ViewPath, ViewPut

REPORT = ViewPath("ann", "vision", "report1")
PUT = ViewPut(
    type="runs",
    name="x1",
    display_name="Größe 🦆",
    description="first\nsecond",
    spec='{"blocks": [1, NaN, "\\ud83e"], "deep": {"a.b": null}}',
    user="bea",
)


def test_what_was_put_is_read_back_as_it_was(service):
    made = service.put_view(REPORT, PUT)
    assert ViewPut(**{name: getattr(made, name) for name in asdict(PUT)} | {"user": "bea"}) == PUT
    assert made.path == REPORT
    assert made.created_at == made.updated_at > 1_700_000_000
    assert service.read_view(REPORT) == made
    assert service.list_views("ann", "vision") == [made]


def test_a_view_that_is_put_again_keeps_who_made_it_and_when(service):
    made = service.put_view(REPORT, PUT)
    again = service.put_view(REPORT, ViewPut(type="runs/draft", name="x2", user="cyd"))
    assert (again.user, again.created_at) == (made.user, made.created_at)
    assert again.updated_at > made.updated_at
    assert (again.type, again.name, again.display_name, again.description, again.spec) == (
        "runs/draft",
        "x2",
        None,
        None,
        "",
    )
    assert service.list_views("ann", "vision") == [again]


def test_views_of_a_project_come_in_the_order_in_which_they_were_made(service):
    for view_id in ("zzzz", "aaaa", "mmmm"):
        service.put_view(REPORT._replace(view_id=view_id), PUT)
    service.put_view(REPORT._replace(project="other"), PUT)
    assert [view.view_id for view in service.list_views("ann", "vision")] == ["zzzz", "aaaa", "mmmm"]
    assert [view.view_id for view in service.list_views("ann", "other")] == ["report1"]


def test_a_view_is_deleted(service):
    service.put_view(REPORT, PUT)
    service.delete_view(REPORT)
    assert service.list_views("ann", "vision") == []
    for ask in (service.read_view, service.delete_view):
        with pytest.raises(NotFoundError, match="no view 'report1' in ann/vision"):
            ask(REPORT)


def test_what_is_not_there_is_said_with_what_is_near(service):
    with pytest.raises(NotFoundError, match="no project ann/vision"):
        service.list_views("ann", "vision")
    service.put_view(REPORT, PUT)
    with pytest.raises(NotFoundError, match=r"no view 'report2' in ann/vision; did you mean report1\?"):
        service.read_view(REPORT._replace(view_id="report2"))


@pytest.mark.parametrize("view_id", ["", "abc", "../../x", "A" * 8, "a/bcd", "x" * 65, "é" * 8, ".json"])
def test_an_id_that_cannot_be_one_names_no_file(service, view_id):
    for ask in (service.read_view, service.delete_view, lambda path: service.put_view(path, PUT)):
        with pytest.raises(PathError, match="is no id of a view"):
            ask(REPORT._replace(view_id=view_id))
    assert service.list_projects() == []


@pytest.mark.parametrize(
    ("field", "text"),
    [("name", "x" * 1_001), ("description", "x" * 100_001), ("spec", "x" * (MAX_SPEC_CHARACTERS + 1))],
)
def test_more_text_than_a_view_may_hold_is_refused(service, field, text):
    with pytest.raises(BadValueError, match=f"the {field} of a view has .* characters, and .* are allowed"):
        service.put_view(REPORT, replace(PUT, **{field: text}))
    assert service.list_projects() == []


def test_a_view_that_cannot_be_read_hides_no_other(service, root):
    service.put_view(REPORT, PUT)
    broken = service.put_view(REPORT._replace(view_id="broken"), PUT)
    file = root / "ann" / "vision" / "views" / "broken.json"
    file.write_text("{")
    (file.parent / "README.txt").write_text("not a view")
    with pytest.warns(UserWarning, match="view ann/vision/broken cannot be read and is left out"):
        assert [view.view_id for view in service.list_views("ann", "vision")] == ["report1"]
    service.delete_view(broken.path)
    assert [view.view_id for view in service.list_views("ann", "vision")] == ["report1"]
