"""Whatever is done in whatever order: a folder and a server over a like folder answer alike, errors included."""

import io
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from runlake.errors import RunlakeError
from runlake.listing_model import RunColumnsQuery
from runlake.model import RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from runlake.service.wire.documents import pack
from runlake.values import decode_json
from served import Holder, InProcessTransport, make_app
from strategies import values
from trainer import Trainer

run_ids = st.sampled_from(["a", "b", "É t", "A"])
names = st.sampled_from(["x", "deep.y", "z\\.z", "w"])
file_names = st.sampled_from(["a.txt", "dir/b #1?.bin", "é/ü%20.x", "dir"])

HOLDER = Holder()
_CLOCKS = ("created_at", "heartbeat_at", "incarnation", "generation", "updated_at", "deleted_at", "version", "url")


def without_clocks(value):
    """What does not depend on when it was done."""
    if isinstance(value, dict):
        return {key: without_clocks(item) for key, item in value.items() if key not in _CLOCKS}
    return [without_clocks(item) for item in value] if isinstance(value, list) else value


class Agreement(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.near = LocalService(self.folder / "near", default_entity="ann", user="ann")
        HOLDER.service = LocalService(self.folder / "far", default_entity="ann", user="ann")
        self.far = RemoteService("http://server.example", transport=HOLDER.transport, attempts=1)

    def teardown(self):
        shutil.rmtree(self.folder)

    def agree(self, ask):
        """Both do it, and answer alike."""
        answers = []
        for service in (self.near, self.far):
            try:
                answer = ask(service)
            except RunlakeError as error:
                message = str(error).replace("/far", "/near")
                answer = {"error": type(error).__name__, "message": message}
            answers.append(repr(without_clocks(decode_json(pack(answer).decode()))))
        assert answers[0] == answers[1]

    @rule(run_id=run_ids, rows=st.lists(st.dictionaries(names, values, max_size=2), max_size=3), ends=st.booleans())
    def train(self, run_id, rows, ends):
        for root in ("near", "far"):
            trainer = Trainer(self.folder / root, run_id, config={"lr": len(rows)})
            for row in rows:
                trainer.log(**row)
            if ends:
                trainer.finish()
            else:
                trainer.opened.writer.close()

    @rule(run_id=run_ids, state=st.sampled_from(["pending", "finished"]))
    def create(self, run_id, state):
        self.agree(lambda service: service.create_run(RunPath("ann", "mnist", run_id), state=state))

    @rule(
        run_id=run_ids,
        to_set=st.dictionaries(names, values, max_size=2),
        unset=st.lists(names, max_size=2),
        info=st.sampled_from([{}, {"name": "n"}, {"tags": ["t", "é"]}, {"notes": None}, {"state": "x"}, {"tags": 3}]),
    )
    def edit(self, run_id, to_set, unset, info):
        edit = RunEdit(config_set=to_set, config_unset=tuple(unset), summary_set=to_set, info=info)
        self.agree(lambda service: service.edit_run(RunPath("ann", "mnist", run_id), edit))

    @rule(run_id=run_ids)
    def delete(self, run_id):
        self.agree(lambda service: service.delete_run(RunPath("ann", "mnist", run_id)))

    @rule(run_id=run_ids)
    def restore(self, run_id):
        self.agree(lambda service: service.restore_run(RunPath("ann", "mnist", run_id)))

    @rule(run_id=run_ids)
    def stop(self, run_id):
        self.agree(lambda service: service.stop_run(RunPath("ann", "mnist", run_id)))

    @rule(run_id=run_ids, name=file_names, content=st.binary(max_size=40))
    def put(self, run_id, name, content):
        self.agree(lambda service: service.put_file(RunPath("ann", "mnist", run_id), name, io.BytesIO(content)))

    @rule(run_id=run_ids, name=file_names)
    def drop(self, run_id, name):
        self.agree(lambda service: service.delete_file(RunPath("ann", "mnist", run_id), name))

    @rule(run_id=run_ids, name=file_names)
    def read_file(self, run_id, name):
        def read(service):
            with service.open_file(RunPath("ann", "mnist", run_id), name) as file:
                return file.read()

        self.agree(read)

    @rule(run_id=run_ids)
    def read(self, run_id):
        path = RunPath("ann", "mnist", run_id)
        self.agree(lambda service: service.read_run(path))
        self.agree(lambda service: service.list_files(path))
        self.agree(lambda service: service.list_keys(path))
        self.agree(lambda service: len(service.list_generations(path)))
        self.agree(lambda service: service.read_console(path))
        self.agree(lambda service: service.read_history(path).step.tolist())
        self.agree(lambda service: service.read_console_lines(path))
        for key in ("x", "deep.y", "z.z"):
            self.agree(lambda service, key=key: service.read_values(path, key, offset=-2))

    @rule(
        filters=st.sampled_from([None, {"state": "finished"}, {"config.lr": {"$gt": 1}}, {"a": {"$x": 1}}]),
        order=st.sampled_from([["+created_at"], ["-config.lr"], ["lr"]]),
        limit=st.sampled_from([None, 0, 1, -1]),
    )
    def list(self, filters, order, limit):
        self.agree(lambda service: service.list_runs("ann", "mnist", filters=filters, order=order, limit=limit))
        self.agree(lambda service: service.list_projects())
        columns = ("name", "tags", "config.lr", "config.deep", "summary.x", "summary.z\\.z")
        query = RunColumnsQuery(columns=columns, filters=filters, order=tuple(order), limit=limit, group_by=("state",))
        self.agree(lambda service: service.read_run_columns("ann", "mnist", query))
        self.agree(lambda service: service.list_run_columns("ann", "mnist"))

    @rule()
    def seal(self):
        self.agree(lambda service: [list(one) for one in service.seal("ann", "mnist")])


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)


def setup_module():
    HOLDER.transport = InProcessTransport(make_app(HOLDER))


def teardown_module():
    HOLDER.transport.stop()
