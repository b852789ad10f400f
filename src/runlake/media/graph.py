"""Graph: the parts of a network and how they are joined."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from runlake.errors import BadValueError
from runlake.media.arrays import plain
from runlake.media.stored import Media, OpenFile, WriteFile, read_file, store_file
from runlake.values import decode_json, encode_json

_NODE_FACTS = ("class_name", "size", "parameters", "output_shape", "is_output", "num_parameters")


class Node:
    """One part of a network: an id, a name, and what else is told of it as attributes."""

    def __init__(self, id: Any = None, name: Any = None, node: Any = None, **facts: Any) -> None:
        given = dict(node.facts) if isinstance(node, Node) else {}
        given |= {"id": id, "name": name} | facts
        self.facts: dict[str, Any] = {key: plain(value) for key, value in given.items() if value is not None}

    def __getattr__(self, name: str) -> Any:
        if name in ("id", "name", *_NODE_FACTS):
            return self.facts.get(name)
        raise AttributeError(f"a node has no {name!r}")

    def __repr__(self) -> str:
        return f"Node({', '.join(f'{key}={value!r}' for key, value in self.facts.items())})"


class Graph(Media):
    """Nodes and the edges between them; `format` says what they are of."""

    __slots__ = ("edges", "format", "nodes")

    TYPE = "graph-file"

    nodes: list[Node]
    edges: list[tuple[Any, Any]]
    """The ids of the nodes that each edge goes from and to."""

    def __init__(self, format: str = "keras") -> None:
        self.format = format
        self.nodes = []
        self.edges = []

    @classmethod
    def from_keras(cls, model: Any) -> Graph:
        """The layers of a Keras model, and which of them hands its output to which."""
        graph = cls("keras")
        for layer in model.layers:
            shape = getattr(getattr(layer, "output", None), "shape", None)
            graph.add_node(
                id=layer.name,
                name=layer.name,
                class_name=type(layer).__name__,
                num_parameters=layer.count_params() if layer.built else None,
                output_shape=None if shape is None else list(shape),
            )
        for before, after in _keras_edges(model.layers):
            graph.add_edge(before, after)
        return graph

    @classmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Graph:
        """The graph of a stored dict; the inverse of `stored`."""
        body = decode_json(read_file(value, open_file).decode())
        graph = cls(body["format"])
        graph.nodes = [Node(**facts) for facts in body["nodes"]]
        graph.edges = [(before, after) for before, after in body["edges"]]
        return graph

    def add_node(self, node: Node | None = None, **node_kwargs: Any) -> Node:
        """Add a node, as it is or made of its facts, and answer it."""
        made = Node(**node_kwargs) if node is None else node
        if not isinstance(made, Node):
            raise BadValueError(f"a graph was given {node!r:.80} as a node; give a Node, or id=, name= and so on")
        self.nodes.append(made)
        return made

    def add_edge(self, from_node: Any, to_node: Any) -> tuple[Any, Any]:
        """Add an edge between two nodes, given as nodes or by their ids, and answer the two ids."""
        ends = tuple(end.id if isinstance(end, Node) else end for end in (from_node, to_node))
        self.edges.append((ends[0], ends[1]))
        return self.edges[-1]

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the graph as JSON, ``{"format", "nodes", "edges"}``, and return its dict."""
        body = {"format": self.format, "nodes": [node.facts for node in self.nodes], "edges": self.edges}
        stored = store_file(write_file, "graph", key, step, "graph.json", encode_json(body).encode())
        return {"_type": self.TYPE} | stored

    def __repr__(self) -> str:
        return f"Graph({len(self.nodes)} nodes, {len(self.edges)} edges)"

    def _repr_html_(self) -> str:
        lines = (f"{node.name or node.id}: {node.class_name or ''}" for node in self.nodes)
        return f"<ol>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ol>"


def _keras_edges(layers: Iterable[Any]) -> list[tuple[str, str]]:
    """The names of layers that are joined, each pair once, by what Keras keeps of the tensors between them."""
    names = {layer.name for layer in layers}
    found: dict[tuple[str, str], None] = {}
    for layer in layers:
        for call in getattr(layer, "_inbound_nodes", ()):
            for tensor in getattr(call, "input_tensors", ()):
                before = getattr(getattr(tensor, "_keras_history", None), "operation", None)
                if before is not None and before.name in names:
                    found[before.name, layer.name] = None
    return list(found)
