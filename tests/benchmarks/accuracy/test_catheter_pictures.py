from pathlib import Path

import numpy as np

from heartwire.benchmarks.accuracy.catheter_pictures import KEPT, Worst
from heartwire.benchmarks.accuracy.catheter_score import Reported
from heartwire.benchmarks.accuracy.catheter_truth import TrueDevice, dense
from heartwire.engine.messages import XrayFrame


def test_the_worst_of_each_kind_are_written_worst_first(tmp_path: Path) -> None:
    worst = Worst()
    frame = XrayFrame(stream="a", frame=0, pixels=np.full((64, 64), 100, np.uint8))
    line = dense([(5.0, 5.0), (40.0, 40.0)])
    for i in range(KEPT + 5):
        shown = [Reported((40.0, 40.0), line)]
        worst.add("tip", float(i), f"run/{i}", frame, truth=[TrueDevice(None, line)], reported=shown)
    worst.add("no device", 1.0, "still", frame)
    written = worst.write(tmp_path)
    assert written["tip"][0] == "worst/tip/01_run_14.png"
    assert (len(written["tip"]), len(written["no device"])) == (KEPT, 1)
    assert all((tmp_path / path).is_file() for paths in written.values() for path in paths)
