"""Artifacts that W&B's client logs: what is sent twice, in parts, by several, wrongly, or with ill will."""

import itertools
import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from artifact_client import (
    COMMIT,
    COMPLETE,
    CREATE,
    FILES,
    MANIFEST,
    UPDATE,
    USE,
    ArtifactClient,
    digest_of_files,
    hex_md5_of,
    md5_of,
)
from in_process import InProcess

from artifact_contents import contents_of
from runlake.artifact_model import CollectionPath, digest_of
from runlake.errors import NotFoundError
from runlake.model import RunPath, WriterStart
from runlake.server.wandb.ids import artifact_id_of, artifact_node_id

DATA = CollectionPath("ann", "arts", "data")
FILES_OF_ONE = {"a.txt": b"hello", "d/b é#%.bin": b"\0" * 70_000, "empty": b""}
REFERENCE = {"digest": "etag", "ref": "s3://bucket/x", "size": 7, "extra": {"versionID": "3"}}


@pytest.fixture
def server(tmp_path):
    server = InProcess(tmp_path / "store")
    yield server
    server.close()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """For tests that log into a project of their own."""
    server = InProcess(tmp_path_factory.mktemp("shared") / "store")
    yield server
    server.close()


@pytest.fixture
def own(shared_server):
    """A collection of that server that nobody else has."""
    return CollectionPath("ann", f"arts-{uuid.uuid4().hex}", "data")


def client_of(server, who="ann", **more):
    def send(method, address, *, is_signed=False, **options):
        return server.ask(method, address, who=None if is_signed else who, **options)

    return ArtifactClient(send, **more)


@pytest.fixture
def client(server):
    return client_of(server)


@pytest.fixture
def own_client(shared_server, own):
    return client_of(shared_server, project=own.project)


def versions(server, path=DATA):
    return [(info.version, info.aliases) for info in server.service.list_artifacts(path)]


def test_what_was_logged_is_what_our_own_verbs_read(server, client):
    files = {**FILES_OF_ONE, "ref": REFERENCE}
    metadata = json.dumps({"n": 1, "loss": float("nan"), "größe": [1.5, None]})
    tags = [{"tagName": "small", "attributes": None, "tagCategoryName": None}]
    client.log(files, metadata=metadata, description="first", tags=tags, ttlDurationSeconds=60, historyStep=3)
    info = server.service.read_artifact(DATA.at("latest"))
    assert contents_of(server.service, DATA.at("v0")) == FILES_OF_ONE
    assert info.digest == digest_of(server.service.read_manifest(DATA.at("v0"))) == digest_of_files(files)
    assert (info.size_bytes, info.file_count, info.user, info.type) == (70_012, 4, "ann", "dataset")
    assert (info.description, info.tags, info.ttl_s, info.history_step) == ("first", ("small",), 60.0, 3)
    assert info.metadata == {"n": 1, "loss": "NaN", "größe": [1.5, None]}
    (reference,) = [entry for entry in server.service.read_manifest(DATA.at("v0")) if entry.path == "ref"]
    assert (reference.ref, reference.digest, reference.size_bytes) == ("s3://bucket/x", "etag", 7)
    assert reference.extra == {"versionID": "3"}


def test_the_same_again_is_the_same_version_and_only_what_changed_is_put(server, client):
    first = client.log(FILES_OF_ONE)
    assert client.begin(FILES_OF_ONE, client_id="other" * 20) == {
        "id": first,
        "state": "COMMITTED",
        "artifactSequence": {"latestArtifact": {"id": first}},
    }
    changed = {**FILES_OF_ONE, "a.txt": b"changed", "twice": b"changed"}
    begun = client.begin(changed)
    uploads = client.uploads(begun["id"], changed)
    assert list(uploads) == list(changed)
    assert [name for name, node in uploads.items() if node["uploadUrl"]] == ["a.txt", "twice"]
    assert {node["artifact"]["id"] for node in uploads.values()} == {begun["id"]}
    client.put(uploads["twice"]["uploadUrl"], b"changed")
    client.put_manifest(begun["id"], changed)
    assert client.commit(begun["id"])["versionIndex"] == 1
    assert contents_of(server.service, DATA.at("v1")) == changed
    assert versions(server) == [("v1", ("latest",)), ("v0", ())]


def test_each_request_may_come_twice(server, client):
    begun = client.begin(FILES_OF_ONE)
    assert client.begin(FILES_OF_ONE) == begun
    for _ in range(2):
        client.manifest(begun["id"])
    urls = [client.uploads(begun["id"], FILES_OF_ONE) for _ in range(2)]
    for uploads in urls:
        for name, content in FILES_OF_ONE.items():
            client.put(uploads[name]["uploadUrl"], content)
    for _ in range(2):
        client.put_manifest(begun["id"], FILES_OF_ONE)
    made = client.commit(begun["id"])
    assert client.commit(begun["id"]) == made
    assert client.begin(FILES_OF_ONE)["state"] == "COMMITTED"
    assert versions(server) == [("v0", ("latest",))]
    assert contents_of(server.service, DATA.at("v0")) == FILES_OF_ONE


@pytest.mark.slow
@pytest.mark.parametrize("request_count", [pytest.param(1, marks=pytest.mark.long), 4])
def test_a_server_may_begin_anew_between_any_two_requests(tmp_path, request_count):
    server = InProcess(tmp_path / "store")
    numbers = itertools.count(1)

    def send(method, address, *, is_signed=False, **options):
        nonlocal server
        if next(numbers) % request_count == 0:
            server.close()
            server = Again(tmp_path / "store", server.keys)
        return server.ask(method, address, who=None if is_signed else "ann", **options)

    client = ArtifactClient(send)
    client.log(FILES_OF_ONE)
    more = {"more": b"more"}
    client.log(more, kind="INCREMENTAL")
    assert contents_of(server.service, DATA.at("v1")) == {**FILES_OF_ONE, **more}
    server.close()


class Again(InProcess):
    """A server over a store whose people are there."""

    def __init__(self, root, keys):
        self._known = keys
        super().__init__(root)

    def add_user(self, name, **more):
        self.keys[name] = self._known[name]


def test_what_adds_to_a_version_has_its_files_too(server, client):
    client.log({**FILES_OF_ONE, "ref": REFERENCE})
    client.log({"more": b"more", "a.txt": b"newer"}, kind="INCREMENTAL")
    made = server.service.read_artifact(DATA.at("latest"))
    manifest = server.service.read_manifest(DATA.at("v1"))
    assert contents_of(server.service, DATA.at("v1")) == {**FILES_OF_ONE, "a.txt": b"newer", "more": b"more"}
    assert [entry.path for entry in manifest if entry.ref] == ["ref"]
    assert made.digest == digest_of(manifest)
    # Nothing new is no new version.
    client.log({"more": b"more"}, kind="INCREMENTAL")
    assert len(versions(server)) == 2


def test_what_adds_to_a_version_that_is_gone_is_refused(server, client):
    client.log(FILES_OF_ONE)
    begun = client.begin({"more": b"more"})
    base = begun["artifactSequence"]["latestArtifact"]["id"]
    client.put_files(begun["id"], {"more": b"more"})
    client.put_manifest(begun["id"], {"more": b"more"}, kind="INCREMENTAL", base=base)
    server.service.delete_artifact(DATA.at("v0"))
    code, message = client.error(COMMIT, artifactID=begun["id"])
    assert (code, "adds to is not there any more" in message) == ("NOT_FOUND", True)


def id_of_client(server, client_id):
    body = {"query": "query($id: ID!) { clientIDMapping(clientID: $id) { serverID } }", "variables": {"id": client_id}}
    return server.ask("POST", "/graphql", who="ann", json=body).json()["data"]["clientIDMapping"]["serverID"]


def test_a_manifest_that_is_not_what_was_begun_makes_no_version(server, client):
    begun = client.begin({"a": b"1"})
    client.put_files(begun["id"], {"a": b"2"})
    client.put_manifest(begun["id"], {"a": b"2"})
    code, message = client.error(COMMIT, artifactID=begun["id"])
    assert (code, "was begun with the digest" in message) == ("BAD_VALUE", True)
    assert versions(server) == []
    client.put_files(begun["id"], {"a": b"1"})
    client.put_manifest(begun["id"], {"a": b"1"})
    client.commit(begun["id"])
    assert contents_of(server.service, DATA.at("v0")) == {"a": b"1"}


@pytest.mark.slow
def test_several_make_one_together_and_then_the_next(server):
    def part(number, *, round_number=0, **more):
        client = client_of(server)
        files = {f"{number}.txt": b"%d in %d" % (number, round_number), "shared": b"%d" % number}
        begun = client.begin(files, client_id=f"{number}-{round_number}" * 30, distributedID="group", **more)
        client.put_files(begun["id"], files)
        client.put_manifest(begun["id"], files, kind="PATCH")
        return begun

    with ThreadPoolExecutor() as pool:
        begun = [*pool.map(part, range(4))]
    assert len({one["id"] for one in begun}) == 1
    assert {id_of_client(server, f"{number}-0" * 30) for number in range(4)} == {begun[0]["id"]}
    assert {one["state"] for one in begun} == {"PENDING"}
    last = part(4, metadata='{"of": "last"}')
    assert client_of(server).commit(last["id"])["versionIndex"] == 0
    found = contents_of(server.service, DATA.at("v0"))
    assert found == {**{f"{number}.txt": b"%d in 0" % number for number in range(5)}, "shared": b"4"}
    info = server.service.read_artifact(DATA.at("v0"))
    assert (info.digest, info.metadata) == (digest_of(server.service.read_manifest(DATA.at("v0"))), {"of": "last"})
    assert id_of_client(server, "2-0" * 30) == last["id"]
    again = part(0, round_number=1)
    assert again["id"] != last["id"]
    assert id_of_client(server, "0-1" * 30) == again["id"]
    assert client_of(server).commit(again["id"])["versionIndex"] == 1
    assert contents_of(server.service, DATA.at("v1")) == {"0.txt": b"0 in 1", "shared": b"0"}


def test_two_that_log_the_same_at_once_make_one_version_and_both_find_it(server):
    clients = [client_of(server) for _ in range(2)]
    begun = [client.begin(FILES_OF_ONE, client_id=name * 128)["id"] for client, name in zip(clients, "xy", strict=True)]
    assert begun[0] != begun[1]
    for client, artifact_id in zip(clients, begun, strict=True):
        client.put_files(artifact_id, FILES_OF_ONE)
        client.put_manifest(artifact_id, FILES_OF_ONE)
    with ThreadPoolExecutor() as pool:
        made = [*pool.map(lambda one: one[0].commit(one[1]), zip(clients, begun, strict=True))]
    assert made[0] == made[1]
    assert [clients[0].commit(artifact_id) for artifact_id in begun] == made
    query = (
        "query($a: ID!, $b: ID!) { a: artifact(id: $a) { versionIndex } b: clientIDMapping(clientID: $b) { serverID } }"
    )
    for artifact_id, name in zip(begun, "xy", strict=True):
        body = {"query": query, "variables": {"a": artifact_id, "b": name * 128}}
        found = server.ask("POST", "/graphql", who="ann", json=body).json()["data"]
        assert found["a"] == {"versionIndex": 0}
        assert server.service.find_artifact(artifact_id_of(found["b"]["serverID"])).version == "v0"


def test_two_that_log_other_files_under_one_name_at_once_make_two_versions(server):
    def log(number):
        return client_of(server).log({"a.txt": b"%d" % number})

    with ThreadPoolExecutor() as pool:
        made = [*pool.map(log, range(6))]
    assert len(set(made)) == 6
    assert [version for version, _ in versions(server)] == [f"v{number}" for number in reversed(range(6))]
    found = {contents_of(server.service, DATA.at(f"v{number}"))["a.txt"] for number in range(6)}
    assert found == {b"%d" % number for number in range(6)}


@pytest.mark.slow
def test_what_an_old_version_has_is_taken_from_it(server, client):
    first = client.log({"kept": b"of the first", "a": b"0"})
    for number in range(1, 25):
        client.log({"a": b"%d" % number})
    entry = {"digest": md5_of(b"of the first"), "size": 12, "birthArtifactID": first}
    files = {"kept too": entry, "new": b"new"}
    client.log(files)
    assert contents_of(server.service, DATA.at("latest")) == {"kept too": b"of the first", "new": b"new"}


def test_bytes_of_others_are_not_had_by_their_digest_nor_by_the_version_that_has_them(server):
    server.add_user("eve")
    secret = client_of(server, name="secret").log({"secret": b"of ann"})
    for birth in (secret, None, "x", artifact_node_id("0" * 32)):
        eve = client_of(server, "eve", entity="eve", name=f"stolen {birth}"[:20])
        entry = {"digest": md5_of(b"of ann"), "size": 6, "birthArtifactID": birth}
        begun = eve.begin({"stolen": entry}, client_id=f"{birth}" * 20)
        assert eve.uploads(begun["id"], {"x": b"of ann"})["x"]["uploadUrl"] is not None
        eve.put_manifest(begun["id"], {"stolen": entry})
        code, message = eve.error(COMMIT, artifactID=begun["id"])
        assert (code, "the bytes of 'stolen' are not in the store" in message) == ("NOT_FOUND", True)


@pytest.mark.parametrize("name", ["../x", "C:\\x", "/etc/passwd", "a/../b", "a//b", "", "a\0b", "a\\b", "x" * 2_000])
def test_names_that_leave_the_artifact_are_refused(shared_server, own, own_client, name):
    begun = own_client.begin({"a": b"1"})
    own_client.put_files(begun["id"], {"a": b"1"})
    own_client.put_manifest(begun["id"], {name: {"digest": md5_of(b"1"), "size": 1}})
    code, message = own_client.error(COMMIT, artifactID=begun["id"])
    assert code == "PATH", message
    assert versions(shared_server, own) == []


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        (b"", "BAD_VALUE"),
        (b"[]", "BAD_VALUE"),
        (b'{"contents": {"a": 1}}', "BAD_VALUE"),
        (b'{"contents": {"a": {"digest": "x", "size": -1, "ref": "s3://x"}}}', "BAD_VALUE"),
        (b'{"contents": {"a": {"digest": "x", "size": 1e300, "ref": "s3://x"}}}', "BAD_VALUE"),
        (b'{"version": 2, "contents": {}}', "BAD_VALUE"),
        (b"[" * 100_000, "BAD_VALUE"),
        (b"\xff\xfe", "BAD_VALUE"),
        (b'{"contents": {"a": {"digest": "no md5", "size": 1}}}', "NOT_FOUND"),
        (b'{"contents": {"a": {"digest": "x", "ref": "u"}, "a/b": {"digest": "x", "ref": "u"}}}', "BAD_VALUE"),
        (b'{"contents": {"\\ud800": {"digest": "x", "ref": "u"}}}', "BAD_VALUE"),
    ],
)
def test_a_manifest_that_is_none_commits_nothing(shared_server, own, own_client, manifest, code):
    begun = own_client.begin({"a": b"1"})
    url = own_client.manifest(begun["id"], digest=md5_of(manifest))["file"]["uploadUrl"]
    own_client.put(url, manifest)
    assert own_client.error(COMMIT, artifactID=begun["id"])[0] == code
    assert versions(shared_server, own) == []
    own_client.put_files(begun["id"], {"a": b"1"})
    own_client.put_manifest(begun["id"], {"a": b"1"})
    assert own_client.commit(begun["id"])["versionIndex"] == 0


def test_bytes_that_are_not_those_of_the_address_are_not_kept(server, client):
    begun = client.begin({"a": b"right"})
    url = client.uploads(begun["id"], {"a": b"right"})["a"]["uploadUrl"]
    for wrong in (b"wrong", b"", b"righ", b"right!"):
        answer = server.ask("PUT", url, content=wrong)
        assert answer.status_code == 400, answer.text
    assert client.uploads(begun["id"], {"a": b"right"})["a"]["uploadUrl"] is not None
    client.put(url, b"right")
    assert client.uploads(begun["id"], {"a": b"right"})["a"]["uploadUrl"] is None


def test_an_artifact_without_a_manifest_is_not_committed(own_client):
    begun = own_client.begin({"a": b"1"})
    code, message = own_client.error(COMMIT, artifactID=begun["id"])
    assert (code, "has no manifest; upload one" in message) == ("BAD_VALUE", True)


def test_nothing_is_added_to_a_version(own_client):
    made = own_client.log({"a": b"1"})
    announced = own_client.begin({"a": b"2"})
    manifest = own_client.manifest(announced["id"])["id"]
    own_client.put_files(announced["id"], {"a": b"2"})
    own_client.put_manifest(announced["id"], {"a": b"2"})
    own_client.commit(announced["id"])
    spec = {"artifactID": made, "name": "b", "md5": md5_of(b"3")}
    for operation, given in (
        (FILES, {"artifactFiles": [spec]}),
        (MANIFEST, {"artifactID": made, "name": "m", "digest": md5_of(b"")}),
        (UPDATE, {"artifactManifestID": manifest, "digest": md5_of(b"")}),
    ):
        code, message = own_client.error(operation, **given)
        assert (code, "nothing is added to it" in message) == ("CONFLICT", True), operation


@pytest.mark.slow
def test_ten_thousand_files_are_asked_for_at_once_and_no_more(own_client):
    begun = own_client.begin({"a": b"1"})
    specs = [{"artifactID": begun["id"], "name": f"{n}", "md5": md5_of(b"%d" % n)} for n in range(10_001)]
    edges = own_client.ask(FILES, artifactFiles=specs[:10_000])["files"]["edges"]
    assert [edge["node"]["name"] for edge in edges] == [f"{n}" for n in range(10_000)]
    code, message = own_client.error(FILES, artifactFiles=specs)
    assert (code, "names 10,001 files, and 10,000 are allowed" in message) == ("BAD_VALUE", True)


# Large files in parts


def ask_in_parts(client, artifact_id, content, part_bytes=1000):
    parts = [content[start : start + part_bytes] for start in range(0, len(content), part_bytes)]
    told = [{"partNumber": number + 1, "hexMD5": hex_md5_of(part)} for number, part in enumerate(parts)]
    spec = {"artifactID": artifact_id, "name": "large", "md5": md5_of(content), "uploadPartsInput": told}
    (edge,) = client.ask(FILES, artifactFiles=[spec])["files"]["edges"]
    return parts, edge["node"]


def completed(node, tags, action="Complete"):
    return {
        "completeMultipartAction": action,
        "completedParts": [{"partNumber": number, "hexMD5": tag} for number, tag in tags],
        "artifactID": node["artifact"]["id"],
        "storagePath": node["storagePath"],
        "uploadID": node["uploadMultipartUrls"]["uploadID"],
    }


def test_a_large_file_comes_in_parts_that_may_be_put_again(server, client):
    content = bytes(range(256)) * 40
    begun = client.begin({"large": content})
    parts, node = ask_in_parts(client, begun["id"], content)
    urls = {part["partNumber"]: part["uploadUrl"] for part in node["uploadMultipartUrls"]["uploadUrlParts"]}
    assert list(urls) == [*range(1, len(parts) + 1)]
    tags = [(number, client.put(urls[number], parts[number - 1]).headers["etag"]) for number in reversed(urls)]
    client.put(urls[1], parts[0])
    assert tags[-1][1] == f'"{hex_md5_of(parts[0])}"'
    answers = [client.ask(COMPLETE, **completed(node, tags)) for _ in range(2)]
    assert answers == [{"digest": md5_of(content)}] * 2
    client.put_manifest(begun["id"], {"large": content})
    client.commit(begun["id"])
    assert contents_of(server.service, DATA.at("v0")) == {"large": content}


def test_a_file_of_too_many_parts_comes_in_one_piece(server, client):
    content = bytes(range(256)) * 16
    begun = client.begin({"large": content})
    for part_count, is_in_parts in ((81, True), (82, False)):
        _, node = ask_in_parts(client, begun["id"], content, -(-len(content) // part_count))
        assert (node["uploadMultipartUrls"] is not None) == is_in_parts
    client.put(node["uploadUrl"], content)
    client.put_manifest(begun["id"], {"large": content})
    client.commit(begun["id"])
    assert contents_of(server.service, DATA.at("v0")) == {"large": content}


def test_parts_that_are_missing_or_others_complete_nothing(own_client):
    content = bytes(range(256)) * 40
    begun = own_client.begin({"large": content})
    parts, node = ask_in_parts(own_client, begun["id"], content)
    urls = [part["uploadUrl"] for part in node["uploadMultipartUrls"]["uploadUrlParts"]]
    tags = [
        (number + 1, own_client.put(urls[number], parts[number]).headers["etag"]) for number in range(len(parts) - 1)
    ]
    missing = [*tags, (len(parts), f'"{hex_md5_of(parts[-1])}"')]
    assert own_client.error(COMPLETE, **completed(node, missing))[0] == "NOT_FOUND"
    assert own_client.error(COMPLETE, **completed(node, tags))[0] == "BAD_VALUE"
    assert own_client.error(COMPLETE, **completed(node, [(1, "../x")]))[0] in ("PATH", "NOT_FOUND")
    assert own_client.ask(COMPLETE, **completed(node, tags, "Abort")) == {"digest": None}
    own_client.put(urls[-1], parts[-1])
    assert own_client.ask(COMPLETE, **completed(node, missing)) == {"digest": md5_of(content)}


# Who may


def test_a_run_uses_a_version_and_who_may_not_write_it_does_not(server, client):
    server.add_user("rita")
    server.people.share_project("ann", "arts", "read")
    run = RunPath("ann", "arts", "r1")
    server.service.begin_writer(run, WriterStart())
    made = client.log({"a": b"1"})
    place = {"entityName": "ann", "projectName": "arts", "runName": "r1"}
    assert client.ask(USE, artifactID=made, **place)["artifact"]["id"] == made
    assert server.service.list_artifact_users(DATA.at("v0")) == [run]
    assert client_of(server, "rita").error(USE, artifactID=made, **place)[0] == "FORBIDDEN"


def test_a_signed_address_is_for_these_bytes_and_nothing_else(server, client):
    begun = client.begin({"a": b"1", "b": b"2"})
    uploads = client.uploads(begun["id"], {"a": b"1", "b": b"2"})
    one, other = uploads["a"]["uploadUrl"], uploads["b"]["uploadUrl"]
    token = one.partition("?")[2]
    assert server.ask("PUT", f"{other.partition('?')[0]}?{token}", content=b"2").status_code == 403
    assert server.ask("PUT", other.partition("?")[0], content=b"2").status_code == 401
    path = one.partition("?")[0]
    assert server.ask("PUT", f"{path}/parts/x?{token}", content=b"1").status_code == 403
    assert server.ask("GET", one).status_code in (403, 404, 405)
    server.add_user("vic")
    server.people.share_project("ann", "arts", "read")
    vic = client_of(server, "vic")
    assert (
        vic.error(FILES, artifactFiles=[{"artifactID": begun["id"], "name": "a", "md5": md5_of(b"1")}])[0]
        == "FORBIDDEN"
    )
    assert server.ask("PUT", path, who="vic", content=b"1").status_code == 403


def test_an_id_of_a_client_that_is_taken_elsewhere_makes_another_artifact(server, client):
    first = client.log({"a": b"1"}, client_id="same" * 32)
    other = client_of(server, name="other")
    second = other.log({"a": b"1"}, client_id="same" * 32)
    assert first != second
    assert server.service.find_artifact(artifact_id_of(first)).name == "data"
    assert server.service.find_artifact(artifact_id_of(second)).name == "other"


def test_what_cannot_be_is_refused_by_name(own_client):
    given = {"artifactTypeName": "t", "entityName": "ann", "projectName": "arts"}
    code, message = own_client.error(CREATE, **given)
    assert (code, message) == ("BAD_VALUE", "an artifact is logged to one collection: pass artifactCollectionName")
    given |= {"artifactCollectionName": "data"}
    code, message = own_client.error(CREATE, **given, digestAlgorithm="MANIFEST_XXH128")
    assert (code, message) == ("NOT_SUPPORTED", "digests of the kind MANIFEST_XXH128 are not supported by runlake")
    assert own_client.error(CREATE, **given, metadata="[1]")[0] == "BAD_VALUE"
    assert own_client.error(CREATE, **given, aliases=[{"alias": "v3"}])[0] == "PATH"


# Fetching


def test_files_are_fetched_whole_in_part_and_by_their_digest(server, client):
    made = client.log({**FILES_OF_ONE, "ref": REFERENCE})
    query = """query($id: ID!) { artifact(id: $id) { currentManifest { file { directUrl } }
      artifactMemberships { edges { node { files(first: 2) { totalCount pageInfo { hasNextPage endCursor }
        edges { node { name sizeBytes digest directUrl } } } } } } } }"""
    body = {"query": query, "variables": {"id": made}}
    artifact = server.ask("POST", "/graphql", who="ann", json=body).json()["data"]["artifact"]
    url = artifact["currentManifest"]["file"]["directUrl"]
    manifest = server.ask("GET", url).json()
    assert {name: entry["digest"] for name, entry in manifest["contents"].items()} == {
        **{name: md5_of(content) for name, content in FILES_OF_ONE.items()},
        "ref": "etag",
    }
    assert manifest["contents"]["ref"] == REFERENCE
    assert manifest["contents"]["a.txt"]["birthArtifactID"] == made
    files = artifact["artifactMemberships"]["edges"][0]["node"]["files"]
    assert (files["totalCount"], files["pageInfo"]["hasNextPage"]) == (4, True)
    urls = {edge["node"]["name"]: edge["node"]["directUrl"] for edge in files["edges"]}
    assert sorted(urls) == ["a.txt", "d/b é#%.bin"]
    for name, signed in urls.items():
        assert server.ask("GET", signed).content == FILES_OF_ONE[name]
        part = server.ask("GET", signed, headers={"Range": "bytes=1-3"})
        assert (part.status_code, part.content) == (206, FILES_OF_ONE[name][1:4])
        head = server.ask("HEAD", signed)
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(FILES_OF_ONE[name])))
        assert server.ask("GET", signed.partition("?")[0]).status_code == 401
        digits = hex_md5_of(FILES_OF_ONE[name])
        for ids in (f"{made}", f"{made}/{made}"):
            by_digest = f"/artifactsV2/default/ann/arts/data/{ids}/{digits}/{name.rpartition('/')[2]}"
            assert server.ask("GET", by_digest, who="ann").content == FILES_OF_ONE[name]
            assert server.ask("GET", by_digest).status_code == 401
    server.add_user("eve")
    assert server.ask("GET", by_digest, who="eve").status_code == 404
    assert server.ask("GET", f"/artifacts/ann/{digits}", who="eve").status_code == 404
    assert server.ask("GET", f"/artifacts/ann/{digits}").status_code == 401
    assert server.ask("GET", f"/artifacts/ann/{digits}", who="ann").content == FILES_OF_ONE[name]
    part = server.ask("GET", f"/artifacts/ann/{digits}", who="ann", headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, FILES_OF_ONE[name][1:4])
    for wrong, code in ((f"ann/{'0' * 32}", 404), ("ann/x", 400), (f"nobody/{digits}", 404)):
        assert server.ask("GET", f"/artifacts/{wrong}", who="ann").status_code == code, wrong
    for wrong in (f"{made}/{'0' * 32}/x", f"{made}/x", "x", f"{artifact_node_id('0' * 32)}/{digits}/x"):
        address = f"/artifactsV2/default/ann/arts/data/{wrong}"
        assert server.ask("GET", address, who="ann").status_code == 404, wrong


@pytest.mark.long
def test_a_manifest_of_a_hundred_thousand_entries_is_logged_and_read_back(server, client):
    files = {
        f"d{n % 100}/{n}.txt": {"digest": f"tag {n}", "ref": f"s3://bucket/{n}", "size": n} for n in range(100_000)
    }
    made = client.log(files)
    info = server.service.find_artifact(artifact_id_of(made))
    assert (info.file_count, info.size_bytes) == (100_000, sum(range(100_000)))
    answer = server.ask("GET", f"/artifact-manifests/{info.artifact_id}", who="ann")
    assert answer.json()["contents"] == files
    query = """query($after: String) { project(name: "arts", entityName: "ann") { artifactCollection(name: "data") {
      artifactMembership(aliasName: "v0") { files(first: 5000, after: $after) {
        pageInfo { hasNextPage endCursor } edges { node { name } } } } } } }"""
    names, after = [], None
    while True:
        body = {"query": query, "variables": {"after": after}}
        found = server.ask("POST", "/graphql", who="ann", json=body).json()["data"]["project"]["artifactCollection"]
        page = found["artifactMembership"]["files"]
        names += [edge["node"]["name"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert names == sorted(files)


def test_a_version_that_is_gone_is_found_by_none_of_its_addresses(server, client):
    made = client.log({"a": b"1"})
    server.service.delete_artifact(DATA.at("v0"), delete_aliases=True)
    artifact_id = artifact_id_of(made)
    for address in (f"/artifact-files/{artifact_id}/a", f"/artifact-manifests/{artifact_id}"):
        assert server.ask("GET", address, who="ann").status_code == 404
    with pytest.raises(NotFoundError):
        server.service.find_artifact(artifact_id)
