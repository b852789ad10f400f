"""Artifacts of a team before several people, under odd names, and in the order that is asked for."""

import contextlib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KEYS = {name: f"local-{letter * 40}" for name, letter in {"mia": "1", "vera": "2", "stan": "3"}.items()}

works = pytest.mark.works


@pytest.fixture(scope="module")
def tour(seat):
    with contextlib.closing(seat.place.people()) as people:
        for name, key in KEYS.items():
            people.add_user(name, key=key)
        people.add_team("atelier", {"ada": "admin", "mia": "member", "vera": "viewer"})
    keys = {"MEMBER_KEY": KEYS["mia"], "VIEWER_KEY": KEYS["vera"], "STRANGER_KEY": KEYS["stan"]}
    return seat.run(HERE / "artifact_people_tour.py", **keys).answers()


@works("Artifact.aliases", "Artifact.save")
def test_names_and_aliases_that_disks_and_addresses_would_trip_over_are_names_like_others(tour):
    names = ["A", "a", "con", "nul.txt", "x" * 128, "trailing.", "-", "v0", "latest", "..."]
    assert tour["names"] == [[f"{name}:v0", True] for name in names]
    assert tour["alias-that-is-odd"] == ["v2", False]
    assert "a collection of artifacts cannot be called '..'" in tour["name-that-leads-out"]["message"]


@works("Api.artifacts", "ArtifactType.collections")
def test_collections_and_versions_come_in_the_order_that_is_asked_for(tour):
    assert tour["collections"] == sorted(tour["collections"])
    assert len(tour["collections"]) == 11
    assert tour["collections-ordered"] == ["a", "A", "data"]
    assert tour["collections-filtered"] == ["A", "a"]
    assert tour["versions"] == ["v0", "v1", "v2", "v3", "v4"]
    assert tour["versions-by-age"] == ["v4", "v3", "v2", "v1", "v0"]
    for name in ("collections-wrong", "versions-wrong"):
        assert "there is no field 'colour'; fields are " in tour[name]["message"]


@works("Artifact.link", note="to collections of projects; not to registries")
def test_a_link_in_another_project_is_edited_as_what_it_leads_to(tour):
    aliases = ["best", "latest", "prod"]
    assert tour["link"] == ["atelier/shelf/chosen:v0", "v0", aliases, "told of the link", []]
    assert tour["link-to-registry"]["message"] == "Unable to find organization for entity 'atelier'."
    assert "artifact atelier/kept/a has versions of its own" in tour["link-to-sequence"]["message"]


def test_a_viewer_reads_and_changes_nothing(tour):
    assert tour["VIEWER-reads"] == "data:v1"
    assert tour["VIEWER-lists"] == ["v4", "v3", "v2", "v1", "v0"]
    assert tour["VIEWER-exists"] is True
    for what in ("edits", "adds", "deletes", "edits-collection", "deletes-collection"):
        assert "you may read atelier/kept and not write to it" in tour[f"VIEWER-{what}"]["message"]
    assert "you may read atelier/shelf and not write to it" in tour["VIEWER-links"]["message"]
    assert tour["MEMBER-edits"] == "edited by MEMBER"


def test_for_a_stranger_nothing_is_there(tour):
    assert tour["STRANGER-exists"] is False
    for what in ("reads", "edits", "adds", "deletes", "links"):
        assert "not found in 'atelier/kept'" in tour[f"STRANGER-{what}"]["message"]
    for what in ("edits-collection", "deletes-collection"):
        assert tour[f"STRANGER-{what}"]["message"] == "Could not find artifact type 'dataset'"
    assert tour["STRANGER-lists"]["error"] == "ValueError"


@works("Run.delete")
def test_a_run_is_deleted_with_or_without_its_artifacts(tour):
    assert tour["delete-run"] == ["v0", None]
    assert tour["delete-run-with-artifacts"] == ["v0"]


def test_who_deletes_versions_as_they_come_meets_all_of_them(tour):
    assert tour["delete-as-they-come"] == 0
