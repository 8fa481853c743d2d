"""What the server counts of itself, told in Prometheus' text form.

Own, as all that is needed of a library for it is three lines of text a number; the usual one takes a lock at every
count and adds to the time that the server needs to start.
"""

import os
import resource
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from outdo.core.version import VERSION

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which the buckets of the histogram count."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""All others count as one, as whoever calls may make them up."""

Sample = tuple[str, str, str, float]
"""Name, kind, meaning and value of something without labels."""


class Meters:
    """Counts of what one process has answered; only the thread of its event loop counts."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._durations: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._began = time.time()
        self.under_way = 0
        self.points = 0
        """Points of metrics that were written."""
        self.taken_in = 0
        self.given_out = 0
        """Bytes of artifacts."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one answer."""
        key = (method if method in METHODS else "other", route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        if route not in self._durations:
            self._durations[route] = [0] * (len(BOUNDS) + 1)
        self._durations[route][bisect_left(BOUNDS, seconds)] += 1
        self._seconds[route] = self._seconds.get(route, 0.0) + seconds

    def text(self, further: Iterable[Sample] = ()) -> str:
        """All of it, and what others count."""
        lines = ["# HELP outdo_info The version that runs.", "# TYPE outdo_info gauge"]
        lines.append(f'outdo_info{{version="{VERSION}"}} 1')
        lines += self._of_requests()
        for name, kind, meaning, value in (*self._own(), *further, *_of_process(self._began)):
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", f"{name} {value:.17g}"]
        return "\n".join(lines) + "\n"

    def _own(self) -> Iterator[Sample]:
        yield "outdo_requests_under_way", "gauge", "Requests that are being answered.", self.under_way
        yield "outdo_points_written_total", "counter", "Points of metrics written.", self.points
        yield "outdo_artifact_in_bytes_total", "counter", "Bytes of artifacts taken in.", self.taken_in
        yield "outdo_artifact_out_bytes_total", "counter", "Bytes of artifacts given out.", self.given_out

    def _of_requests(self) -> Iterator[str]:
        yield "# HELP outdo_requests_total Requests answered, by method, route and status."
        yield "# TYPE outdo_requests_total counter"
        for (method, route, status), count in self._requests.items():
            labels = f'method="{method}",route="{route}",status="{status}"'
            yield f"outdo_requests_total{{{labels}}} {count}"
        yield "# HELP outdo_request_seconds Time until the last byte of an answer was handed over, by route."
        yield "# TYPE outdo_request_seconds histogram"
        for route, counts in self._durations.items():
            sums = list(accumulate(counts))
            for bound, count in zip((*BOUNDS, "+Inf"), sums, strict=True):
                yield f'outdo_request_seconds_bucket{{route="{route}",le="{bound}"}} {count}'
            yield f'outdo_request_seconds_sum{{route="{route}"}} {self._seconds[route]:.6f}'
            yield f'outdo_request_seconds_count{{route="{route}"}} {sums[-1]}'


def _of_process(began: float) -> Iterator[Sample]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    yield "process_cpu_seconds_total", "counter", "User and system time used.", cpu
    yield "process_start_time_seconds", "gauge", "When the server began, since 1970.", began
    yield "process_resident_memory_bytes", "gauge", "Memory in use.", _memory(used.ru_maxrss * 1024)


def _memory(peak: int) -> int:
    """Bytes in use now; where the system does not tell, the most that ever were."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak
