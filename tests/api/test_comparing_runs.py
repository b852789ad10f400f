"""`api.compare()`: what differs as values, and the curves as a picture."""

import pytest

from runlake.errors import BadValueError, NotFoundError


@pytest.fixture
def two_runs(make_run):
    first = make_run("ann/digits/r1", config={"lr": 0.1}, rows=[{"loss": 2.0, "acc": 0.5}, {"loss": 1.0, "acc": 0.75}])
    second = make_run("ann/digits/r2", config={"lr": 0.2}, rows=[{"loss": 3.0, "acc": 0.5}], name="other")
    return [first, second]


def test_a_comparison_says_what_differs_and_draws_what_is_shared(api, two_runs, tmp_path):
    found = api.compare(two_runs, fail_if=["loss > +10%"])
    assert repr(found) == "RunComparison(ann/digits/r1, ann/digits/r2: 3 differences, 1 broken conditions)"
    assert [one.key for one in found.differences] == ["lr", "loss", "acc"]
    picture = found.picture()
    assert picture.drawing.names == ["r1", "other"]
    assert [panel.title for panel in picture.drawing.panels] == ["loss", "acc"]
    assert [panel.title for panel in found.picture(["acc"]).drawing.panels] == ["acc"]
    assert [panel.title for panel in api.compare(two_runs, keys=["acc"]).picture().drawing.panels] == ["acc"]
    page = found.to_html()
    assert page == picture.to_html()
    assert "<td>config</td><td>lr</td><td>0.1</td><td>0.2</td>" in page
    assert found._repr_html_() == picture.to_svg()
    assert picture.save(tmp_path / "curves.SVG").read_text("utf-8") == picture.to_svg()
    assert picture.save(tmp_path / "curves.html").read_text("utf-8") == page


def test_what_cannot_be_drawn_is_said(api, two_runs, make_run, tmp_path):
    found = api.compare(two_runs)
    with pytest.raises(NotFoundError, match="ann/digits/r1 has no numbers of f1"):
        found.picture(["f1"])
    with pytest.raises(BadValueError, match=r"ends in .png, .html, .svg, not in '.gif'"):
        found.picture().save(tmp_path / "curves.gif")
    third = make_run("ann/digits/r3", rows=[{"other": 1.0}])
    assert api.compare([two_runs[0], third])._repr_html_() is None
    with pytest.raises(BadValueError, match="33 runs in one picture; 32 can be told apart"):
        api.compare([two_runs[0]] * 33, curves=False).picture()


def test_numbers_that_differ_look_different(api, make_run):
    runs = [make_run(f"ann/digits/{name}", rows=[{"n": n}]) for name, n in (("r1", 12345678.0), ("r2", 12345679.0))]
    assert api.compare(runs).picture().rows == (("summary", "n", "12345678.0", "12345679.0"),)


def test_of_many_keys_the_first_are_drawn_and_the_others_counted(api, make_run):
    rows = [{f"key_{place:02}": float(place) for place in range(50)}]
    runs = [make_run(f"ann/digits/{name}", rows=rows) for name in ("r1", "r2")]
    drawing = api.compare(runs).picture().drawing
    assert (len(drawing.panels), drawing.note) == (40, "10 more keys are shared; name those to draw")
    assert len(api.compare(runs).picture([f"key_{place:02}" for place in range(50)]).drawing.panels) == 50
