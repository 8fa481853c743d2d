"""Metrics that a project computes itself, by a function in a process of its own.

The process stays for as long as rows are drawn, as an interval asks for some thousand numbers.
"""

import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Self

import numpy as np

from outdo.core.metrics.scored import Array, Metric, Scored, Unscored, Weighted, Weights
from outdo.core.sections import OwnMetric
from outdo.run import metricworker
from outdo.run.tested import Bench


class OwnMetrics:
    """The metrics that a model declares, until it is left; nothing is started before one is asked for."""

    def __init__(self, bench: Bench | str, declared: Mapping[str, OwnMetric]) -> None:
        """`bench` is where the functions are called, or why they can't be."""
        self._bench = bench
        self._open = ExitStack()
        self.known = {name: self._metric(name, one) for name, one in declared.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _metric(self, name: str, own: OwnMetric) -> Metric:
        def prepare(rows: Scored) -> Weighted:
            if isinstance(self._bench, str):
                raise Unscored(self._bench)
            asking = self._open.enter_context(_Asking(self._bench, name, own, rows))
            return lambda weights: asking.values(np.asarray(weights))

        return Metric(name, "low" if own.better == "lower" else "high", "score", prepare)


class _Asking:
    """One process, with the rows of one model."""

    def __init__(self, bench: Bench, name: str, own: OwnMetric, rows: Scored) -> None:
        self._name = name
        self._limit = own.timeout
        self._turn = threading.Lock()
        self._late = False
        self._open = ExitStack()
        folder = self._open.enter_context(tempfile.TemporaryDirectory())
        held = os.path.join(folder, "rows.npz")
        score = rows.score if rows.score is not None else rows.decisions()
        np.savez(held, label=rows.truth, score=score)
        file, _, function = own.function.rpartition(":")
        path = bench.env.get("PATH")
        python = shutil.which("python", path=path) or shutil.which("python3", path=path) or sys.executable
        asked, self._asked = os.pipe()
        self._told, told = os.pipe()
        os.makedirs(bench.logs, exist_ok=True)
        try:
            with open(os.path.join(bench.logs, f"metric-{name}.log"), "wb") as log:
                words = [python, metricworker.__file__, os.path.join(bench.root, file), function, held]
                self._process = subprocess.Popen(
                    [*words, str(asked), str(told)],
                    cwd=bench.root,
                    env=dict(bench.env),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(asked, told),
                    start_new_session=True,
                )
        finally:
            os.close(asked)
            os.close(told)
        self._clock = threading.Timer(own.timeout.seconds, self._end_late)
        self._clock.daemon = True
        self._clock.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clock.cancel()
        os.close(self._asked)
        os.close(self._told)
        self._end()
        self._process.wait()
        self._open.close()

    def values(self, weights: Weights) -> Array:
        """The metric for each weighting, `(…, rows)` to `(…)`; raises `Unscored`."""
        flat = np.ascontiguousarray(weights.reshape(-1, weights.shape[-1]), np.int32)
        with self._turn:
            try:
                self._write(metricworker.HEAD.pack(*flat.shape))
                self._write(flat.tobytes())
            except BrokenPipeError:
                pass  # it has ended, and may have said why
            kind, answer = self._answer()
        if kind == b"!":
            raise Unscored(f"'{self._name}' could not be computed: {answer.decode('utf-8', 'replace')}")
        return np.frombuffer(answer, np.float64).reshape(weights.shape[:-1])

    def _write(self, content: bytes | memoryview) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._asked, rest) :]

    def _answer(self) -> tuple[bytes, bytes]:
        kind = self._read(1)
        return kind, self._read(struct.unpack("<Q", self._read(8))[0])

    def _read(self, count: int) -> bytes:
        pieces: list[bytes] = []
        while count:
            piece = os.read(self._told, min(count, 1 << 20))
            if not piece:
                why = f"took longer than {self._limit}" if self._late else "ended early"
                raise Unscored(f"'{self._name}' could not be computed: its process {why}")
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def _end_late(self) -> None:
        self._late = True
        self._end()

    def _end(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
