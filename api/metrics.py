"""Counters of this process and the text form in which Prometheus reads them."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
"""Upper bounds in seconds; 2 is the promise for an application, 0.5 what a page may take without being noticed."""


class Metrics:
    """How many requests each route answered, how, and in what time. Written from one event loop."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, int], int] = {}
        self._buckets: dict[tuple[str, str], list[int]] = {}
        self._seconds: dict[tuple[str, str], float] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one answer."""
        key = (method, route)
        self._answers[(method, route, status)] = self._answers.get((method, route, status), 0) + 1
        self._buckets.setdefault(key, [0] * (len(BOUNDS) + 1))[bisect_left(BOUNDS, seconds)] += 1
        self._seconds[key] = self._seconds.get(key, 0.0) + seconds

    def lines(self) -> list[str]:
        """The figures in Prometheus' text form."""
        lines = ["# TYPE loanwright_http_answers_total counter"]
        for (method, route, status), count in list(self._answers.items()):
            counted = _labels({"method": method, "route": route, "status": str(status)})
            lines.append(f"loanwright_http_answers_total{counted} {count}")
        lines.append("# TYPE loanwright_http_seconds histogram")
        for (method, route), buckets in list(self._buckets.items()):
            labels = {"method": method, "route": route}
            so_far = 0
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
                so_far += count
                lines.append(f"loanwright_http_seconds_bucket{_labels(labels | {'le': bound})} {so_far}")
            lines.append(f"loanwright_http_seconds_sum{_labels(labels)} {self._seconds[(method, route)]:.6f}")
            lines.append(f"loanwright_http_seconds_count{_labels(labels)} {so_far}")
        return lines


def gauge(name: str, values: Iterable[tuple[Mapping[str, str], int]]) -> list[str]:
    """A figure as it stands now, one line for each set of labels."""
    return [f"# TYPE {name} gauge", *(f"{name}{_labels(labels)} {value}" for labels, value in values)]


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
