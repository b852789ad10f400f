"""`watch` over a stand-in with the hooks of torch, and over torch itself where that is installed."""

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

import runlake
from runlake.errors import BadValueError, LogTypeError, RunlakeWarning, UsageError
from runlake.sdk.run.watch import Watcher


class Handle:
    def __init__(self, hooks, hook):
        self._hooks, self._hook = hooks, hook
        hooks.append(hook)

    def remove(self):
        self._hooks.remove(self._hook)


class Tensor:
    def __init__(self, values):
        self._values = np.asarray(values, np.float64)
        self.dtype = "torch.float64"

    def detach(self):
        return self

    cpu = double = detach

    def numpy(self):
        return self._values


class Parameter(Tensor):
    def __init__(self, values, requires_grad=True):
        super().__init__(values)
        self.requires_grad = requires_grad
        self.hooks = []

    def register_hook(self, hook):
        return Handle(self.hooks, hook)


class Module:
    """One layer with weights that are trained and a scale that is not."""

    def __init__(self):
        self.weight, self.scale = Parameter([1.0, 2.0]), Parameter([3.0], requires_grad=False)
        self.forward_hooks = []

    def named_parameters(self):
        return iter([("fc.weight", self.weight), ("fc.scale", self.scale)])

    def register_forward_hook(self, hook):
        return Handle(self.forward_hooks, hook)

    def forward(self):
        for hook in self.forward_hooks:
            hook(self, (), None)

    def backward(self, gradient):
        for hook in self.weight.hooks:
            hook(Tensor(gradient))


@pytest.fixture
def rows():
    return []


@pytest.fixture
def watcher(rows):
    return Watcher(rows.append)


def train(model, passes=1, gradient=(0.5, -0.5)):
    for _ in range(passes):
        model.forward()
        model.backward(gradient)


def test_gradients_are_logged_under_the_name_of_their_parameter(watcher, rows):
    model = Module()
    watcher.watch(model, log_freq=1)
    train(model)
    (row,) = rows
    assert list(row) == ["gradients/fc.weight"]
    assert sum(row["gradients/fc.weight"].histogram) == 2


@pytest.mark.parametrize(
    ("log", "keys"),
    [
        ("gradients", ["gradients/fc.weight"]),
        ("parameters", ["parameters/fc.weight", "parameters/fc.scale"]),
        ("all", ["parameters/fc.weight", "parameters/fc.scale", "gradients/fc.weight"]),
        (None, []),
    ],
)
def test_what_is_logged_can_be_chosen(watcher, rows, log, keys):
    model = Module()
    watcher.watch(model, log=log, log_freq=1)
    train(model)
    assert [key for row in rows for key in row] == keys


def test_only_each_nth_pass_is_logged(watcher, rows):
    model = Module()
    watcher.watch(model, None, "all", 3)
    train(model, passes=10)
    assert len(rows) == 6


def test_several_models_are_told_apart(watcher, rows):
    models = [Module(), Module()]
    watcher.watch(models, log_freq=1)
    third, tenth = Module(), Module()
    watcher.watch(third, log_freq=1)
    watcher.watch(tenth, log_freq=1, idx=10)
    for model in [*models, third, tenth]:
        train(model)
    assert [next(iter(row)) for row in rows] == [
        "gradients/fc.weight",
        "gradients/graph_1fc.weight",
        "gradients/graph_2fc.weight",
        "gradients/graph_10fc.weight",
    ]


def test_nan_and_infinity_are_counted_beside_the_bins(watcher, rows):
    model = Module()
    watcher.watch(model, log_freq=1)
    train(model, gradient=[math.nan, math.inf, -math.inf, 1.0])
    train(model, gradient=[math.nan])
    counts = [(sum(h.histogram), h.nan_count, h.inf_count) for row in rows for h in row.values()]
    assert counts == [(1, 1, 2), (0, 1, 0)]


def test_unwatch_takes_all_hooks_off(watcher, rows):
    first, second = Module(), Module()
    watcher.watch([first, second], log="all", log_freq=1)
    watcher.unwatch(first)
    assert (first.weight.hooks, first.forward_hooks, len(second.forward_hooks)) == ([], [], 1)
    watcher.unwatch(first)
    watcher.unwatch()
    assert (second.weight.hooks, second.forward_hooks) == ([], [])
    train(first)
    train(second)
    assert rows == []
    watcher.watch(first, log_freq=1)
    train(first)
    assert list(rows[0]) == ["gradients/graph_2fc.weight"]


def test_copies_of_a_model_do_not_log(watcher, rows):
    model = Module()
    watcher.watch(model, log="all", log_freq=1)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        train(copied)
    assert rows == []


def test_wrong_calls_are_told(watcher):
    with pytest.raises(LogTypeError, match=r"a builtins\.int is no PyTorch model"):
        watcher.watch(5)
    with pytest.raises(BadValueError, match="log='weights'"):
        watcher.watch(Module(), log="weights")
    for every in (0, 1.5, True):
        with pytest.raises(BadValueError, match="log_freq="):
            watcher.watch(Module(), log_freq=every)
    model = Module()
    watcher.watch(model)
    with pytest.raises(UsageError, match="this Module is watched already"):
        watcher.watch([Module(), model])
    with pytest.warns(RunlakeWarning, match="the graph of a model is not recorded"):
        watcher.watch(Module(), log_graph=True)


def test_histograms_join_the_rows_that_are_logged(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNLAKE_SEAL", "off")
    monkeypatch.chdir(tmp_path)
    run = runlake.init(
        store=str(tmp_path), project="p", settings={"console": "off", "disable_system": True, "silent": True}
    )
    model, other = Module(), Module()
    runlake.watch(model, log="all", log_freq=2)
    run.watch(other, log_freq=1)
    runlake.unwatch(other)
    for step in range(4):
        train(model)
        train(other)
        run.log({"loss": step})
    run.finish()
    train(model, passes=2)  # the hooks have gone with the run
    rows = list(runlake.Api(str(tmp_path)).run(run.path).scan_history())
    names = {"parameters/fc.weight", "parameters/fc.scale", "gradients/fc.weight"}
    assert [{key for key in row if key[0] != "_"} for row in rows] == [{"loss"}, {*names, "loss"}] * 2
    assert [row["_step"] for row in rows] == [0, 1, 2, 3]
    assert rows[1]["gradients/fc.weight"]["_type"] == "histogram"


def test_importing_it_loads_nothing_heavy():
    script = "import sys, runlake.sdk.run.watch\nprint([n for n in ('numpy', 'torch', 'pandas') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.integration
def test_a_real_model_is_watched_while_it_trains(watcher, rows):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(5, 4, sparse=True), torch.nn.Linear(4, 1))
    watcher.watch(model, log="all", log_freq=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        model(torch.tensor([1, 2, 2])).sum().backward()
        optimizer.step()
    counts = {key: [sum(row[key].histogram) for row in rows if key in row] for row in rows for key in row}
    assert counts == {
        "parameters/0.weight": [20, 20],
        "parameters/1.weight": [4, 4],
        "parameters/1.bias": [1, 1],
        "gradients/1.bias": [1, 1],
        "gradients/1.weight": [4, 4],
        "gradients/0.weight": [8, 8],
    }
    rows.clear()
    copied = copy.deepcopy(model)
    copied(torch.tensor([1])).sum().backward()
    restored = pickle.loads(pickle.dumps(model))
    restored(torch.tensor([1])).sum().backward()
    assert rows == []
    watcher.unwatch(model)
    for _ in range(2):
        model(torch.tensor([1])).sum().backward()
    assert rows == []


@pytest.mark.integration
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "complex64"])
def test_every_type_of_number_is_watched(watcher, rows, dtype):
    torch = pytest.importorskip("torch")
    model = torch.nn.Module()
    model.w = torch.nn.Parameter(torch.ones(3, dtype=getattr(torch, dtype)))
    watcher.watch(model, log_freq=1)
    (model.w * 2).abs().sum().backward()
    assert [sum(row["gradients/w"].histogram) for row in rows] == [3]
