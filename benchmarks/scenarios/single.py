"""Single: one message in flight, the next as soon as the one before is done (as in MLPerf's SingleStream)."""

from __future__ import annotations

from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.load import Drive
from heartwire.benchmarks.result import Result
from heartwire.benchmarks.summary import conclude, repeated
from heartwire.benchmarks.workload import Workload


def measure(harness: Harness, workload: Workload, *, repeats: int = 1) -> Result:
    """Time each message from sending to acknowledgement; the streams take turns.

    A closed loop says how fast the pipeline can be, not how late it is: a slow message holds the next one back.
    """
    runs = repeated(harness, workload, Drive(pace="closed"), repeats=repeats)
    return conclude("single", harness, runs, options={"repeats": repeats})
