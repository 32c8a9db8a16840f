"""The bus between processes: one that is killed and comes back misses nothing and repeats nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import zmq

from heartwire.engine.bus import Publisher, Subscriber
from heartwire.engine.messages import Beat, EcgChunk, EndOfStream, Message

STREAM = "bed-1/ecg"


def chunk(n: int) -> EcgChunk:
    samples = np.full((25, 2), n, np.float32)
    return EcgChunk(stream=STREAM, first_sample=25 * n, rate_hz=250.0, leads=("I", "II"), samples=samples)


_WORKER = """
import sys
from heartwire.engine.bus import Position, Subscriber
from heartwire.engine.messages import EndOfStream
endpoint, seq, kill_at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
start = {"bed-1/ecg": Position(seq, 25 * (seq + 1))} if seq >= 0 else {}
subscriber = Subscriber(endpoint, identity="worker", start_from=start)
while True:
    for message in subscriber.receive(1000):
        print(message.seq, flush=True)
        if message.seq == kill_at:
            sys.stdin.read()
        subscriber.acknowledge(message.stream, message.seq)
        if isinstance(message, EndOfStream):
            subscriber.close()
            sys.exit()
"""


def test_a_worker_process_killed_and_restarted_sees_every_message(endpoint: str) -> None:
    def start(seq: int, kill_at: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-c", _WORKER, endpoint, str(seq), str(kill_at)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    count, kill_at = 400, 150
    with zmq.Context() as context, Publisher(endpoint, window=32, context=context) as publisher:
        worker = start(-1, kill_at)
        assert worker.stdout is not None
        seen = []
        # No more: it acknowledges nothing while it waits to be killed.
        for n in range(kill_at + 1):
            publisher.send(chunk(n))
        while not seen or seen[-1] < kill_at:
            seen.append(int(worker.stdout.readline()))
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        restart_from = seen[-40]
        worker = start(restart_from, -1)
        for n in range(kill_at + 1, count):
            publisher.send(chunk(n))
        publisher.send(EndOfStream(stream=STREAM, offered=25 * count))
        assert publisher.drain(30)
        again = [int(line) for line in worker.communicate(timeout=30)[0].split()]
    assert seen == list(range(kill_at + 1))
    assert again == list(range(restart_from + 1, count + 1))


_FEEDER = """
import sys
from pathlib import Path
import numpy as np
from heartwire.engine.bus import Publisher
from heartwire.engine.messages import Beat, EndOfStream
endpoint, saved, kill_at, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
publisher = Publisher(endpoint, epoch=1)
first = 0
if saved.exists():
    first = int(saved.with_suffix(".n").read_text())
    publisher.restore(saved.read_bytes())
for n in range(first, count):
    publisher.send(Beat(stream="bed-1/ecg", sample=n, decision_sample=n, label="N", confidence=1.0))
    if n == kill_at - 20:
        saved.with_suffix(".n").write_text(str(n + 1))
        saved.write_bytes(publisher.snapshot())
    if n == kill_at:
        print("there", flush=True)
        sys.stdin.read()
publisher.send(EndOfStream(stream="bed-1/ecg", offered=0))
print("sent", flush=True)
publisher.serve(60_000)
"""


def test_findings_of_a_killed_process_come_out_once_after_its_restart(endpoint: str, tmp_path: Path) -> None:
    def start(kill_at: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-c", _FEEDER, endpoint, str(tmp_path / "saved"), str(kill_at), "300"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    with zmq.Context() as context, Subscriber(endpoint, context=context) as subscriber:
        process = start(kill_at=120)
        got: list[Message] = subscriber.receive(20)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        process = start(kill_at=-1)
        while not any(isinstance(message, EndOfStream) for message in got):
            got += subscriber.receive(100)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert [m.sample for m in got if isinstance(m, Beat)] == list(range(300))
    assert subscriber.statistics().missing == 0


def test_a_ring_that_has_let_go_of_everything_still_holds_the_next_number(endpoint: str) -> None:
    with zmq.Context() as context, Publisher(endpoint, ring_messages=0, context=context) as publisher:
        assert [publisher.send(chunk(n)) for n in range(3)] == [0, 1, 2]
