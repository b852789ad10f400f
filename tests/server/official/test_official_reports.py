"""Reports that programs put are listed and read by the official client."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent

works = pytest.mark.works


@pytest.fixture(scope="module")
def tour(seat):
    return seat.run(HERE / "report_tour.py").answers()


@works("Api.reports", note="reports and workspaces are kept as their program puts them; nothing here draws them")
def test_reports_are_listed_and_read_as_they_were_put(tour, seat):
    assert tour["make"] == [True, ["Report 2", "Report 1", "Renamed"], ["Renamed"]]
    description, username, spec, sections, url = tour["read"]
    assert (description, username, sections, url) == ("about it", "ada", [], f"{seat.url}/ada/told/reports/Renamed")
    assert spec["blocks"] == [{"type": "heading", "children": [{"text": "größe"}]}]
    assert tour["delete"] == [True, ["Report 2", "Report 1"]]
