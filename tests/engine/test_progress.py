"""How far a stream was published is known to the next process, also when this one was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from heartwire.engine.messages import EndOfStream
from heartwire.engine.progress import Progress

STREAMS = ["bed-1/ecg", "bed-2/ecg"]
KILLED = """
import os, signal, sys
from pathlib import Path
from heartwire.engine.messages import EndOfStream
from heartwire.engine.progress import Progress
progress = Progress(Path(sys.argv[1]), ["bed-1/ecg", "bed-2/ecg"])
for seq in range(5):
    progress.note(EndOfStream(stream="bed-2/ecg", offered=0, seq=seq))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_fresh_worker_is_not_behind(tmp_path: Path) -> None:
    assert not Progress(tmp_path / "progress", STREAMS).behind("bed-1/ecg", 0)


def test_a_worker_is_behind_until_it_has_come_to_where_the_one_before_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    assert subprocess.run([sys.executable, "-P", "-c", KILLED, str(path)], check=False).returncode == -9
    progress = Progress(path, STREAMS)
    assert [progress.behind("bed-2/ecg", n) for n in (0, 4, 5)] == [True, True, False]
    assert not progress.behind("bed-1/ecg", 0)
    progress.note(EndOfStream(stream="bed-2/ecg", offered=0, seq=2))
    assert progress.behind("bed-2/ecg", 3), "what is repeated takes nothing back"


def test_what_was_written_but_not_sent_counts(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress", STREAMS)
    progress.reach("bed-1/ecg", 8)
    progress.reach("bed-1/ecg", 3)
    assert [progress.behind("bed-1/ecg", n) for n in (7, 8)] == [True, False]
