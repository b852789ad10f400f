"""A store that training processes wrote, and the GraphQL of the official client over it."""

from types import SimpleNamespace

from runlake.server.wandb.context import RequestContext, WandbContext
from runlake.server.wandb.documents.graphql import GraphQL
from runlake.server.wandb.exports import Exports
from runlake.server.wandb.nodes.query_root import NODES
from runlake.service.local.service import LocalService
from written_run import write_run

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

    def write(self, path="ann/digits/r1", **said):
        """A run, see `write_run`; answers its writer."""
        return write_run(self.root, path, **said)

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
