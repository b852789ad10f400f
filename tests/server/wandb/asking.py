"""A store that training processes wrote, and the GraphQL of the official client over it."""

from types import SimpleNamespace

from runlake.model import RunPath
from runlake.server.wandb.context import RequestContext, WandbContext
from runlake.server.wandb.documents.graphql import GraphQL
from runlake.server.wandb.exports import Exports
from runlake.server.wandb.nodes.query_root import NODES
from runlake.service.local.service import LocalService
from runlake.store.changes import append_change
from runlake.store.journal import record
from runlake.store.layout import Layout
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.values import flatten

START_S = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""

ANN = SimpleNamespace(username="ann", email="ann@lab.org", is_admin=False, teams={"lab": "member"})


class Desk:
    """Ann's seat: `write` is her training process, `ask` her client."""

    def __init__(self, root, *, person=ANN, people=None, mutations=lambda context: object(), exports=None):
        self.root = root
        self.service = LocalService(root, default_entity="ann", user="ann")
        self.engine = GraphQL(mutations=mutations)
        self.context = RequestContext(
            shared=WandbContext(NODES, exports or Exports(root / "exports")),
            service=self.service,
            person=person,
            people=people,
            base_url="http://lab",
            file_url=lambda method, path, name: f"http://lab/{method}/{path}/{name}",
            parquet_url=lambda path, name: f"http://lab/exports/{path}/{name}",
            signed_url=lambda method, address: f"http://lab/{method}{address}",
        )

    def write(
        self,
        path="ann/digits/r1",
        *,
        rows=(),
        steps=None,
        events=(),
        console=(),
        config=None,
        summary=None,
        files=None,
        exit_code=0,
        at_s=0.0,
        ended=True,
        **info,
    ):
        """A run: row i at step i (or `steps[i]`), a second later than the one before. An open one's writer is given."""
        layout, place, now_s = Layout(self.root), RunPath(*path.split("/")), START_S + at_s
        start = {"set": flatten(config or {}, stringify_keys=True), **info}
        writer = open_run(layout, place, start, clock=lambda: now_s, inspector=IN_PROCESS).writer
        for stream, logged in {"history": rows, "events": events, "console": console}.items():
            for number, data in enumerate(logged):
                step = steps[number] if steps and stream == "history" else number
                second = float(number + 1)
                writer.log(data, stream=stream, step=step, timestamp=now_s + second, runtime=second)
        if summary:
            writer.record(record.SUMMARY, {"set": flatten(summary)})
        for name, content in (files or {}).items():
            target = layout.file_path(place, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if not ended:
            return writer
        writer.end({"exit_code": exit_code, "runtime": float(len(rows))})
        append_change(layout, place, writer.writer, "finish", writer.writer)
        return None

    def ask(self, document, **variables):
        """The whole answer."""
        return self.engine.execute(document, variables, None, self.context)

    def data(self, document, **variables):
        """What was asked for; there must be no error."""
        answer = self.ask(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def run(self, selection, run_id="r1", project="digits"):
        """Some fields of one run."""
        document = 'query($p: String, $r: String!) { project(name: $p, entityName: "ann") { run(name: $r) { %s } } }'
        return self.data(document % selection, p=project, r=run_id)["project"]["run"]
