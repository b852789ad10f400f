"""Who may do what: every verb of the service, for every kind of person."""

import inspect
import io

import pytest

from runlake.artifact_model import ArtifactStart, CollectionPath
from runlake.errors import ForbiddenError, NotFoundError, RunlakeError
from runlake.model import LoggedRow, OpenRequest, RunEdit, RunPath, WriterBatch, WriterStart
from runlake.server.people.directory import Directory, Person
from runlake.server.people.guard import GuardedService
from runlake.server.people.standing import Standing, access_of
from runlake.service.contract import Service
from runlake.service.local.service import LocalService
from runlake.store.journal.record import encode_body
from runlake.sweep_model import SweepStart

OPEN_TO_ALL = {"url", "default_entity", "close"}
VERBS = sorted(
    name
    for name, member in vars(Service).items()
    if not name.startswith("_") and callable(member) and name not in OPEN_TO_ALL
)
FOR_ADMINS = {"check", "repair", "list_trash", "empty_trash", "merge_from"}


class Untouchable:
    """A service that no verb may reach."""

    url = "file:///somewhere"

    def __getattr__(self, name):
        raise AssertionError(f"{name} was passed on")


class Shares(dict):
    """What `People` says of shared projects."""

    def directory(self):
        return Directory(shares={tuple(path.split("/")): access for path, access in self.items()})


def person(name, *, is_admin=False, **teams):
    return Person(id=name, username=name, created_at=0.0, is_admin=is_admin, teams=teams)


def arguments_of(verb, path):
    """Something for every argument that a verb must have, about one run."""
    known = {
        "path": path,
        "run": path,
        "entity": path.entity,
        "project": path.project,
        "run_id": path.run_id,
        "cursor": None,
        "edit": RunEdit(info={"name": "x"}),
        "key": "loss",
        "keys": ["loss"],
        "samples": 3,
        "name": "a.txt",
        "content": io.BytesIO(b"a"),
        "other": "elsewhere",
        "older_than_s": 0.0,
    }
    needed = [
        name
        for name, parameter in inspect.signature(getattr(Service, verb)).parameters.items()
        if name != "self" and parameter.default is inspect.Parameter.empty
    ]
    return {name: known.get(name) for name in needed}


def call(service, verb, path):
    """The verb about one run, to the end of what it yields."""
    answer = getattr(service, verb)(**arguments_of(verb, path))
    return list(answer) if inspect.isgenerator(answer) else answer


def test_every_verb_of_the_contract_is_guarded():
    assert [verb for verb in VERBS if verb not in vars(GuardedService)] == []


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "list_projects"])
@pytest.mark.parametrize("who", [None, person("eve"), person("eve", crew="member")], ids=["nobody", "eve", "a team"])
def test_no_verb_reaches_what_is_of_others(verb, who):
    guarded = GuardedService(Untouchable(), Shares(), Standing(who))
    expected = ForbiddenError if verb in FOR_ADMINS else NotFoundError
    with pytest.raises(expected):
        call(guarded, verb, RunPath("ann", "secret", "a1"))


def test_nobody_has_no_projects():
    assert GuardedService(Untouchable(), Shares(), Standing()).list_projects() == []
    assert GuardedService(Untouchable(), Shares(), Standing()).list_projects("ann") == []


@pytest.mark.parametrize("is_keyword", [True, False])
@pytest.mark.parametrize(
    "verb", [verb for verb in VERBS if verb not in ("list_projects", "create_run", "receive_file")]
)
def test_arguments_reach_the_verb_as_they_were_given(verb, is_keyword):
    reached = []

    class Recording:
        def __getattr__(self, name):
            return lambda *args, **kwargs: reached.append((name, args, kwargs))

    named = arguments_of(verb, RunPath("ann", "mnist", "a1"))
    parameters = inspect.signature(getattr(Service, verb)).parameters
    in_place = [] if is_keyword else [n for n in named if parameters[n].kind is not inspect.Parameter.KEYWORD_ONLY]
    args = tuple(named.pop(name) for name in in_place)
    getattr(GuardedService(Recording(), Shares(), Standing(person("root", is_admin=True))), verb)(*args, **named)
    assert reached == [(verb, args, named)]


def test_what_begins_something_reaches_the_verb_with_the_name_of_who_is_signed_in():
    path, header = RunPath("ann", "mnist", "a1"), {"writer": "w"}
    reached = []

    class Recording:
        def __getattr__(self, name):
            return lambda *args, **kwargs: reached.append(kwargs.get("user") or args[-1].user)

    for who in (person("ann"), person("root", is_admin=True)):
        service = GuardedService(Recording(), Shares(), Standing(who))
        service.create_run(path, user="eve")
        service.create_sweep("ann", "mnist", SweepStart(config={}, user="eve"))
        service.begin_writer(path, WriterStart(user="eve"))
        service.open_writer(path, OpenRequest(token="t", user="eve"))
        service.open_writer(path, OpenRequest(token="t", user="eve", header=header))
    assert reached == ["ann"] * 5 + ["root"] * 4 + [None]


def test_an_artifact_that_was_made_elsewhere_keeps_its_maker_where_an_admin_says_so():
    path = CollectionPath("ann", "mnist", "model")
    reached = []

    class Recording:
        def __getattr__(self, name):
            return lambda *args, **kwargs: reached.append(args[-1].user)

    for who in (person("ann"), person("root", is_admin=True)):
        service = GuardedService(Recording(), Shares(), Standing(who))
        for said in ("eve", None):
            service.begin_artifact(path, ArtifactStart(type="model", user=said))
    assert reached == ["ann", "ann", "eve", "root"]


ROWS = [
    (None, "private", "private"),
    (None, "write", "private"),
    (person("ann"), "private", "write"),
    (person("bob"), "private", "private"),
    (person("bob"), "read", "read"),
    (person("bob"), "write", "write"),
    (person("bob", ann="viewer"), "private", "read"),
    (person("bob", ann="viewer"), "write", "write"),
    (person("bob", ann="member"), "private", "write"),
    (person("bob", ann="admin"), "read", "write"),
    (person("bob", other="admin"), "private", "private"),
    (person("root", is_admin=True), "private", "write"),
]


@pytest.mark.parametrize(("who", "shared", "access"), ROWS)
def test_access_follows_entity_role_and_share(who, shared, access):
    assert access_of(who, "ann", shared) == access


@pytest.fixture
def local(tmp_path):
    service = LocalService(tmp_path / "store", default_entity="host-login")
    for path in ("ann/mnist/run-1", "ann/mnist/run-2", "ann/secret/b1", "vision/cars/c1"):
        service.create_run(RunPath(*path.split("/")))
    return service


def guarded(local, who, **shares):
    return GuardedService(
        local, Shares({path.replace("__", "/"): access for path, access in shares.items()}), Standing(who)
    )


def names(service, entity=None):
    return [f"{found.entity}/{found.name}" for found in service.list_projects(entity)]


def test_each_sees_their_own_projects_those_of_their_teams_and_shared_ones(local):
    assert names(guarded(local, person("ann"))) == ["ann/mnist", "ann/secret"]
    assert names(guarded(local, person("bob", vision="viewer"))) == ["vision/cars"]
    assert names(guarded(local, person("bob"), ann__mnist="read")) == ["ann/mnist"]
    assert names(guarded(local, person("bob"), ann__mnist="read"), "ann") == ["ann/mnist"]
    assert names(guarded(local, person("bob", vision="viewer"), ann__mnist="read")) == ["ann/mnist", "vision/cars"]
    assert names(guarded(local, person("eve"))) == []
    assert names(guarded(local, person("root", is_admin=True))) == ["ann/mnist", "ann/secret", "vision/cars"]


@pytest.mark.parametrize("verb", ["read_run", "edit_run", "delete_run", "list_files", "list_runs", "create_project"])
def test_what_one_may_not_read_and_what_is_not_there_are_answered_alike(local, verb):
    eve = guarded(local, person("eve", vision="member"), ann__mnist="read", eve__gone="read")
    expected = "no project {}, or none that you may read; see: runlake ls"
    for place in ("ann/secret", "ann/nothing", "nobody/at-all", "eve/secre", "ann/mnis", "vision/car"):
        entity, project = place.split("/")
        if verb == "create_project" and entity in ("eve", "vision"):
            continue
        with pytest.raises(NotFoundError) as refused:
            call(eve, verb, RunPath(entity, project, "b1"))
        assert str(refused.value) == expected.format(place)


def test_a_run_that_is_missing_in_a_project_one_may_read_is_named_with_its_neighbours(local):
    bob = guarded(local, person("bob"), ann__mnist="read")
    with pytest.raises(
        NotFoundError, match=r'run "run-3" not in project ann/mnist \(2 runs\); did you mean run-[12] or run-[12]'
    ):
        bob.read_run(RunPath("ann", "mnist", "run-3"))


def test_who_may_write_a_project_takes_back_what_was_deleted_in_it_and_nothing_else(local):
    path = RunPath("ann", "mnist", "run-1")
    ann, root = guarded(local, person("ann")), guarded(local, person("root", is_admin=True))
    for who, error in ((person("eve"), NotFoundError), (person("ann", crew="viewer"), None)):
        ann.delete_run(path)
        (item,) = root.list_trash()
        if error is None:
            assert guarded(local, who).restore_run(path) == path
            continue
        with pytest.raises(error, match="no project ann/mnist, or none that you may read"):
            guarded(local, who).restore_run(path)
        with pytest.raises(ForbiddenError, match="whole store"):
            ann.restore_run(item.name)
        assert root.restore_run(item.name) == path
    with pytest.raises(ForbiddenError, match="you may read ann/mnist and not write"):
        guarded(local, person("bob"), ann__mnist="read").restore_run(path)
    with pytest.raises(NotFoundError) as missing:
        ann.restore_run(RunPath("ann", "mnist", "run-9"))
    assert str(missing.value) == 'run "ann/mnist/run-9" is not in the trash; see: runlake trash'


def test_viewers_and_readers_of_shared_projects_may_not_write(local):
    for who, shares, place in (
        (person("bob", vision="viewer"), {}, "vision/cars/c1"),
        (person("bob"), {"ann__mnist": "read"}, "ann/mnist/run-1"),
    ):
        service = guarded(local, who, **shares)
        path = RunPath(*place.split("/"))
        assert service.read_run(path).path == path
        for verb in ("edit_run", "stop_run", "delete_run", "create_run", "put_file", "delete_file", "create_project"):
            with pytest.raises(ForbiddenError, match=f"you may read {path.entity}/{path.project} and not write to it"):
                call(service, verb, path)
        assert local.read_run(path).name == path.run_id


def test_members_write(local):
    bob = guarded(local, person("bob", vision="member"))
    assert bob.edit_run(RunPath("vision", "cars", "c1"), RunEdit(info={"name": "x"})).name == "x"
    assert bob.create_project("vision", "bikes").run_count == 0
    assert bob.create_run(RunPath("bob", "new", "n1")).run_id == "n1"


def test_the_whole_store_is_for_admins(local):
    admin, ann = guarded(local, person("root", is_admin=True)), guarded(local, person("ann"))
    assert len(list(admin.check())) == 4
    assert admin.list_trash() == []
    for verb in FOR_ADMINS:
        with pytest.raises(ForbiddenError, match=f"{verb} concerns the whole store"):
            call(ann, verb, RunPath("ann", "mnist", "a1"))


def test_where_a_run_was_forked_from_is_said_to_those_who_may_read_that_too(local):
    source, forked = RunPath("ann", "secret", "b0"), RunPath("vision", "cars", "c2")
    writer = local.begin_writer(source, WriterStart()).writer
    row = LoggedRow(step=0, timestamp=1.7e9, runtime=0.0, values={"loss": 1.0})
    local.write_batch(source, writer, WriterBatch(rows={"history": [row]}, first_n={"history": 0}, exit_code=0))
    local.begin_writer(forked, WriterStart(fork_from=(source, 0)))

    def told(service):
        opening = OpenRequest(token="t", start=encode_body({}), resume="allow")
        infos = [service.read_run(forked), service.edit_run(forked, RunEdit(info={"notes": "n"}))]
        infos += [run for run in service.list_runs("vision", "cars").runs if run.run_id == "c2"]
        return [info.forked_from for info in (*infos, service.open_writer(forked, opening).before)]

    member = person("bob", vision="member")
    assert told(guarded(local, member)) == [None] * 4
    assert told(guarded(local, member, ann__secret="read")) == ["ann/secret/b0?_step=0"] * 4
    assert told(guarded(local, person("ann", vision="member"))) == ["ann/secret/b0?_step=0"] * 4


def test_what_is_no_longer_shared_is_gone_at_once(local):
    shares = Shares({"ann/mnist": "read"})
    service = GuardedService(local, shares, Standing(person("bob")))
    assert service.may_read("ann", "mnist")
    shares.clear()
    assert not service.may_read("ann", "mnist")
    with pytest.raises(RunlakeError):
        service.read_run(RunPath("ann", "mnist", "a1"))


def test_paths_without_an_entity_are_the_persons_own(local):
    assert guarded(local, person("bob")).default_entity == "bob"
    assert guarded(local, None).default_entity == "nobody"


def test_closing_leaves_the_servers_service_open(local):
    service = guarded(local, person("ann"))
    service.close()
    assert names(service) == ["ann/mnist", "ann/secret"]
