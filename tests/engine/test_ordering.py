"""Whatever happens on the way, a stream comes out in order, once, and with its gaps told."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.control import Resent
from heartwire.engine.messages import Beat, EcgChunk, EndOfStream, Gap, Message, XrayFrame
from heartwire.engine.ordering import Counts, Patience, Position, StreamOrder

STREAM = "bed-1/ecg"
PATIENCE = Patience(retry_s=0.1, retries=3, held_messages=8)
SECOND = 1_000_000_000


def chunk(seq: int, length: int = 10) -> EcgChunk:
    samples = np.full((length, 1), seq, np.float32)
    return EcgChunk(stream=STREAM, first_sample=seq * length, rate_hz=100.0, leads=("I",), samples=samples, seq=seq)


def order(out: list[Message], **options: object) -> tuple[StreamOrder, Counts]:
    counts = Counts()
    return StreamOrder(STREAM, out, counts, PATIENCE, **options), counts


def told(out: list[Message]) -> list[str]:
    """Write what came out as one short word an item."""
    return [f"gap {m.first}+{m.count}" if isinstance(m, Gap) else str(m.seq) for m in out]


def answer(subject: StreamOrder, ring: list[Message], now_ns: int, oldest: int = 0) -> bool:
    """Play the publisher that answers one request; False where nothing is wanted."""
    request = subject.want(now_ns, alive=True)
    if request is None:
        return False
    for message in ring[max(request.first, oldest) : request.last + 1]:
        subject.take(message, 1, resent=True)
    bounds = {"first": request.first, "last": request.last, "oldest": oldest, "next": len(ring)}
    subject.resent(Resent(stream=STREAM, epoch=1, **bounds))
    return True


@given(st.integers(1, 40), st.integers(0, 2**32), st.integers(0, 45))
def test_lost_doubled_and_shuffled_messages_come_out_once_and_in_order(count: int, seed: int, oldest: int) -> None:
    chance = random.Random(seed)
    oldest = min(oldest, count - 1)
    ring: list[Message] = [*(chunk(n) for n in range(count)), EndOfStream(stream=STREAM, offered=10 * count, seq=count)]
    way = [m for m in ring for _ in range(chance.choice([0, 1, 1, 1, 2]))]
    for n in range(len(way)):
        other = min(len(way) - 1, n + chance.choice([0, 0, 0, 1, 5]))
        way[n], way[other] = way[other], way[n]
    out: list[Message] = []
    subject, counts = order(out, start=Position(-1, 0))
    for now, message in enumerate(way):
        subject.take(message, 1, resent=False)
        if chance.random() < 0.3:
            answer(subject, ring, now, oldest)
    subject.offer(1, oldest, len(ring))
    for turn in range(2 * count + 2):
        if not answer(subject, ring, (turn + 1) * SECOND, oldest):
            break
    assert not subject.waiting
    covered: list[int] = []
    for item in out:
        match item:
            case EcgChunk():
                covered += range(item.first_sample, item.end_sample)
            case Gap():
                covered += range(item.first, item.first + item.count)
    assert covered == list(range(10 * count))
    assert isinstance(out[-1], EndOfStream)
    seqs = [m.seq for m in out if not isinstance(m, Gap)]
    assert sorted(set(seqs)) == seqs
    assert set(range(oldest, count + 1)) <= set(seqs)
    assert counts.missing == len(ring) - len(seqs)


def test_what_is_gone_from_the_ring_becomes_a_gap_of_the_right_size_and_place() -> None:
    out: list[Message] = []
    subject, counts = order(out)
    ring: list[Message] = [chunk(n) for n in range(10)]
    for n in (0, 1, 5, 6):
        subject.take(ring[n], 1, resent=False)
    answer(subject, ring[:7], 0, oldest=4)
    assert told(out) == ["0", "1", "gap 20+20", "4", "5", "6"]
    assert counts.missing == 2


def test_a_gap_is_numbered_before_the_message_that_follows_it() -> None:
    out: list[Message] = []
    subject, _ = order(out)
    subject.take(chunk(0), 1, resent=False)
    subject.take(chunk(3), 1, resent=False)
    subject.give_up()
    assert [m.seq for m in out] == [0, 2, 3]


def test_a_gap_in_frames_counts_frames() -> None:
    out: list[Message] = []
    subject, _ = order(out)
    pixels = np.zeros((2, 2), np.uint8)
    for seq in (0, 4):
        subject.take(XrayFrame(stream=STREAM, frame=seq + 100, pixels=pixels, seq=seq), 1, resent=False)
    subject.give_up()
    assert told(out) == ["0", "gap 101+3", "4"]


def test_what_the_device_itself_left_out_is_a_gap_too() -> None:
    out: list[Message] = []
    subject, counts = order(out)
    subject.take(chunk(0), 1, resent=False)
    later = chunk(5)
    later.seq = 1
    subject.take(later, 1, resent=False)
    assert told(out) == ["0", "gap 10+40", "1"]
    assert counts.missing == 0


def test_a_lost_last_message_is_asked_for_once_the_publisher_tells_how_far_it_is() -> None:
    out: list[Message] = []
    subject, _ = order(out)
    ring: list[Message] = [chunk(0), chunk(1)]
    subject.take(ring[0], 1, resent=False)
    assert subject.want(0, alive=True) is None
    subject.offer(1, 0, 2)
    assert answer(subject, ring, 0)
    assert told(out) == ["0", "1"]


def test_the_end_of_a_stream_shows_what_is_missing_before_it() -> None:
    out: list[Message] = []
    subject, _ = order(out)
    subject.take(chunk(0), 1, resent=False)
    subject.take(EndOfStream(stream=STREAM, offered=50, seq=4), 1, resent=False)
    subject.give_up()
    assert told(out) == ["0", "gap 10+40", "4"]


def test_a_silent_publisher_is_waited_for_and_one_that_does_not_answer_is_not() -> None:
    for alive, missing in ((False, 0), (True, 2)):
        out: list[Message] = []
        subject, counts = order(out, start=Position(-1, 0))
        subject.take(chunk(2), 1, resent=False)
        for turn in range(20):
            subject.want(turn * SECOND, alive=alive)
        assert counts.missing == missing
        assert told(out) == ([] if not alive else ["gap 0+20", "2"])


def test_a_late_joiner_counts_nothing_from_before_it_came_as_missing() -> None:
    out: list[Message] = []
    subject, counts = order(out)
    ring: list[Message] = [chunk(n) for n in range(20)]
    subject.take(ring[15], 1, resent=False)
    answer(subject, ring[:16], 0, oldest=12)
    assert told(out) == ["12", "13", "14", "15"]
    assert counts.missing == 0


def test_a_live_joiner_begins_with_the_next_message() -> None:
    for with_offer in (False, True):
        out: list[Message] = []
        subject, _ = order(out, history=False)
        if with_offer:
            subject.offer(1, 0, 15)
        subject.take(chunk(15), 1, resent=False)
        subject.take(chunk(16), 1, resent=False)
        assert told(out) == ["15", "16"]


def test_a_restarted_subscriber_goes_on_after_its_position_and_tells_what_it_lost() -> None:
    out: list[Message] = []
    subject, counts = order(out, start=Position(4, 50, 1))
    ring: list[Message] = [chunk(n) for n in range(12)]
    for n in (3, 4, 9):
        subject.take(ring[n], 1, resent=False)
    answer(subject, ring[:10], 0, oldest=7)
    assert told(out) == ["gap 50+20", "7", "8", "9"]
    assert counts.duplicates == 2


def test_a_publisher_that_starts_afresh_begins_the_stream_again() -> None:
    out: list[Message] = []
    subject, counts = order(out)
    for n in range(3):
        subject.take(chunk(n), 1, resent=False)
    subject.take(chunk(0), 2, resent=False)
    subject.take(chunk(3), 1, resent=False)
    subject.take(chunk(1), 2, resent=False)
    assert told(out) == ["0", "1", "2", "0", "1"]
    assert (counts.restarts, counts.duplicates) == (1, 1)


def test_a_position_of_another_run_of_the_publisher_counts_for_nothing() -> None:
    out: list[Message] = []
    subject, counts = order(out, start=Position(400, 4010, 1))
    subject.take(chunk(0), 2, resent=False)
    assert told(out) == ["0"]
    assert counts.restarts == 1


def test_what_is_held_is_bounded_and_the_rest_left_to_the_ring() -> None:
    out: list[Message] = []
    subject, counts = order(out)
    ring: list[Message] = [chunk(n) for n in range(100)]
    for message in ring[1:]:
        subject.take(message, 1, resent=False)
    assert counts.deferred == 99 - PATIENCE.held_messages
    while answer(subject, ring, 0):
        pass
    assert told(out) == [str(n) for n in range(100)]


def test_samples_that_come_again_under_new_numbers_are_refused() -> None:
    out: list[Message] = []
    subject, counts = order(out)
    subject.take(chunk(0), 1, resent=False)
    again = chunk(0)
    again.seq = 1
    subject.take(again, 1, resent=False)
    subject.take(chunk(2), 1, resent=False)
    assert told(out) == ["0", "gap 10+10", "2"]
    assert counts.refused == 1


def test_an_absurd_sequence_number_does_not_hold_up_the_stream() -> None:
    out: list[Message] = []
    subject, counts = order(out)
    ring: list[Message] = [chunk(n) for n in range(5)]
    absurd = chunk(1)
    absurd.seq = 2**62
    subject.take(ring[0], 1, resent=False)
    subject.take(absurd, 1, resent=False)
    answer(subject, ring[:1], 0)
    for message in ring[1:]:
        subject.take(message, 1, resent=False)
    assert told(out) == ["0", "1", "2", "3", "4"]
    assert counts.refused == 1


def test_findings_have_no_samples_and_make_no_gaps() -> None:
    out: list[Message] = []
    subject, counts = order(out)
    for seq in (0, 5):
        beat = Beat(stream=STREAM, sample=seq * 100, decision_sample=0, label="N", confidence=1.0, seq=seq)
        subject.take(beat, 1, resent=False)
    subject.give_up()
    assert told(out) == ["0", "5"]
    assert counts.missing == 4


def test_a_publisher_that_starts_over_without_a_new_epoch_is_told_of() -> None:
    out: list[Message] = []
    subject, counts = order(out)
    for _ in range(2):
        for n in range(150):
            subject.take(chunk(n, length=1), 1, resent=False)
    assert len(out) == 150
    assert counts.refused == 1
    assert "new epoch" in counts.last_refusal
