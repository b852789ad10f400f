"""The numbers of a store among those of the server."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from runlake.server.http.metrics import MULTIPROCESS_VARIABLE
from runlake.service.contract.numbers import Number, Numbers

_COPY_EVERY_S = 5.0
_PREFIX = "runlake_"


class StoreMetrics:
    """Follows the numbers of a store: what this process counts goes into `registry`, of several workers every 5 s."""

    def __init__(self, numbers: Numbers, registry: CollectorRegistry) -> None:
        self._numbers, self._registry = numbers, registry
        self._metrics: dict[str, Counter | Gauge] = {}
        self._told: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._of_store = CollectorRegistry()
        self._of_store.register(_OfStore(numbers))
        if os.environ.get(MULTIPROCESS_VARIABLE):
            threading.Thread(target=self._work, name="runlake-numbers", daemon=True).start()

    def close(self) -> None:
        """Follow no more."""
        self._is_over.set()

    def copy(self) -> None:
        """Bring the numbers of this process up to date."""
        with self._lock:
            for number in self._numbers.of_process():
                self._copy(number)

    def render_store(self) -> bytes:
        """How the store stands, as text for Prometheus."""
        return generate_latest(self._of_store)

    def _copy(self, number: Number) -> None:
        metric = self._metrics.get(number.name)
        if metric is None:
            metric = self._metrics[number.name] = self._make(number)
        child = metric.labels(*(value for _, value in number.labels)) if number.labels else metric
        if isinstance(child, Gauge):
            child.set(number.value)
            return
        key = (number.name, number.labels)
        child.inc(number.value - self._told.get(key, 0.0))
        self._told[key] = number.value

    def _make(self, number: Number) -> Counter | Gauge:
        names = [name for name, _ in number.labels]
        if number.kind == "count":
            return Counter(_PREFIX + number.name, number.said, names, registry=self._registry)
        return Gauge(_PREFIX + number.name, number.said, names, registry=self._registry, multiprocess_mode="livesum")

    def _work(self) -> None:
        while not self._is_over.wait(_COPY_EVERY_S):
            self.copy()


class _OfStore(Collector):
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        for number in self._numbers.of_store():
            family = GaugeMetricFamily(_PREFIX + number.name, number.said, labels=[name for name, _ in number.labels])
            family.add_metric([value for _, value in number.labels], number.value)
            yield family

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked before somebody wants the numbers."""
        return iter(())
