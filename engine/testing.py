"""The checks that every processor must pass; use them on your own in your own tests.

::

    from heartwire.engine.testing import check_processor

    def test_my_processor_keeps_the_contract() -> None:
        check_processor(lambda: MyProcessor("bed-1/ecg"), items)

`items` are those of one stream, in order, long enough to give findings. Each check raises AssertionError with what
differed. Trace, sequence number and emission time are not compared: they tell of the journey, not of the patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from heartwire.engine.messages import AlarmEvent, EcgChunk, EndOfStream, Finding, Gap, Item, Trace, XrayFrame
from heartwire.engine.processor import Processor

Create = Callable[[], Processor]
"""Makes a fresh processor."""
CHUNK_SAMPLES = (1, 7, 250)
"""Chunk lengths that `check_chunking` tries, besides a ragged one."""
_TOLERANCE_S = 1e-6


def check_processor(
    create: Create, items: Sequence[Item], *, chunk_samples: Sequence[int] = CHUNK_SAMPLES, expect_findings: bool = True
) -> None:
    """Run every check.

    Parameters
    ----------
    create
        Makes a fresh processor.
    items
        Items of one stream, in order.
    chunk_samples
        Chunk lengths to try.
    expect_findings
        Fail where the items give no finding at all: the checks would prove nothing.

    Raises
    ------
    AssertionError
        Where the contract is broken.
    """
    whole = run(create(), items)
    _require(bool(whole) or not expect_findings, "the items give no finding: the checks would prove nothing")
    check_findings(whole, items)
    check_inputs_untouched(create, items)
    check_chunking(create, items, chunk_samples)
    check_reset(create, items)
    check_snapshot(create, items)
    check_process_many(create, items)
    check_no_lookahead(create, items)
    check_gaps(create, items)
    check_wrong_types(create)


def run(processor: Processor, items: Iterable[Item]) -> list[Finding]:
    """Process the items, give the findings without what tells of their journey."""
    return [finding for item in items for finding in _plain(processor.process(item))]


def rechunk(items: Iterable[Item], lengths: int | Sequence[int]) -> Iterator[Item]:
    """Cut the ECG samples among the items anew; other items stay where they are.

    Parameters
    ----------
    items
        Items of one stream, in order.
    lengths
        Samples in a chunk; of several lengths each is used in turn.
    """
    pattern = (lengths,) if isinstance(lengths, int) else tuple(lengths)
    turn = 0
    held: list[EcgChunk] = []
    for item in items:
        if held and not (isinstance(item, EcgChunk) and _follows(held[-1], item)):
            pieces, turn = _cut(held, pattern, turn)
            yield from pieces
            held = []
        if isinstance(item, EcgChunk):
            held.append(item)
        else:
            yield item
    if held:
        yield from _cut(held, pattern, turn)[0]


def check_findings(findings: Sequence[Finding], items: Sequence[Item]) -> None:
    """Check that findings are of the items' stream, survive the wire unchanged and come in the order of decision."""
    stream = items[0].stream
    last = 0
    for finding in findings:
        _require(finding.stream == stream, f"a finding of stream {finding.stream!r} came from items of {stream!r}")
        sent = msgspec.msgpack.decode(msgspec.msgpack.encode(finding), type=type(finding))
        _require(_plain([sent]) == _plain([finding]), f"not the same after the wire: {finding}")
        decision = _decision(finding)
        _require(decision >= last, f"decided at {decision} but told after one decided at {last}: {finding}")
        last = decision


def check_inputs_untouched(create: Create, items: Sequence[Item]) -> None:
    """Check that arrays may be read-only, as they come off the wire, and are left as they were."""
    frozen = [_frozen(item) for item in items]
    _same(run(create(), frozen), run(create(), items), "with read-only arrays")
    for item, before in zip(items, frozen, strict=True):
        array, kept = _array(item), _array(before)
        if array is not None and kept is not None:
            _require(
                array.dtype == kept.dtype and array.tobytes() == kept.tobytes(), f"process changed its input {item}"
            )


def check_chunking(create: Create, items: Sequence[Item], chunk_samples: Sequence[int] = CHUNK_SAMPLES) -> None:
    """Check that the same samples in other chunks give the same findings, bit for bit."""
    if not any(isinstance(item, EcgChunk) for item in items):
        return
    whole = run(create(), items)
    for lengths in (*((n,) for n in chunk_samples), (3, 17, 1, 96, 40)):
        _same(run(create(), rechunk(items, lengths)), whole, f"in chunks of {lengths} samples")


def check_reset(create: Create, items: Sequence[Item]) -> None:
    """Check that a processor that was reset equals a fresh one."""
    processor = create()
    first = run(processor, items)
    processor.reset()
    _same(run(processor, items), first, "after reset")


def check_snapshot(create: Create, items: Sequence[Item], cuts: Sequence[float] = (0.0, 0.3, 0.71)) -> None:
    """Check that snapshot and restore equal never having stopped, and that a snapshot changes nothing.

    Parameters
    ----------
    create
        Makes a fresh processor.
    items
        Items of one stream, in order.
    cuts
        Where to take the snapshot, as parts of the items.
    """
    whole = run(create(), items)
    for cut in cuts:
        n = int(cut * len(items))
        processor, other = create(), create()
        before = run(processor, items[:n])
        state = processor.snapshot()
        _require(isinstance(state, bytes), f"a snapshot is {type(state).__name__}, not bytes")
        other.restore(state)
        _require(other.snapshot() == state, f"restored at item {n}, the snapshot is another one")
        _same(before + run(other, items[n:]), whole, f"restored at item {n}")
        _same(before + run(processor, items[n:]), whole, f"snapshot taken at item {n}")


def check_process_many(create: Create, items: Sequence[Item]) -> None:
    """Check that several items at once give what they give one by one."""
    processor = create()
    third = max(1, len(items) // 3)
    together = [f for i in range(0, len(items), third) for f in _plain(processor.process_many(items[i : i + third]))]
    _same(together, run(create(), items), "through process_many")


def check_no_lookahead(create: Create, items: Sequence[Item]) -> None:
    """Check that a finding comes as soon as its decision sample is in, no later after its event than declared.

    It comes with the item that holds its decision sample: not before (it would be a guess), and not after (the decision
    sample would not be the last that was needed).
    """
    processor = create()
    declared_s = processor.algorithmic_delay_s
    _require(declared_s >= 0.0, f"algorithmic_delay_s is {declared_s}")
    begin, rate_hz = 0, 0.0
    for item in rechunk(items, 5):
        end = _end(item, begin)
        if isinstance(item, EcgChunk | XrayFrame):
            rate_hz = item.rate_hz
        for finding in _plain(processor.process(item)):
            decision = _decision(finding)
            _require(decision < end, f"told when only samples before {end} were in: {finding}")
            if isinstance(item, EcgChunk):
                _require(decision >= item.first_sample, f"told only with sample {item.first_sample}: {finding}")
            delay_s = (decision - _event(finding)) / rate_hz if rate_hz else 0.0
            _require(
                -_TOLERANCE_S <= delay_s <= declared_s + _TOLERANCE_S,
                f"{delay_s:.3f} s from event to decision, {declared_s:g} s declared: {finding}",
            )
        begin = end


def check_gaps(create: Create, items: Sequence[Item]) -> None:
    """Check that missing samples or frames raise nothing and that the count goes on after them."""
    n = len(items) // 2
    missing = items[n]
    if not isinstance(missing, EcgChunk | XrayFrame):
        return
    first = missing.first_sample if isinstance(missing, EcgChunk) else missing.frame
    gap = Gap(stream=missing.stream, first=first, count=_end(missing, first) - first)
    check_no_lookahead(create, [*items[:n], gap, *items[n + 1 :]])
    run(create(), [gap, *items[n + 1 :]])


def check_wrong_types(create: Create) -> None:
    """Check that what is no item is refused with TypeError."""
    try:
        list(create().process(object()))  # type: ignore[arg-type]
    except TypeError:
        return
    msg = "process took an object that is no item: raise TypeError"
    raise AssertionError(msg)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def _plain(findings: Iterable[Finding]) -> list[Finding]:
    plain = []
    for finding in findings:
        fields: dict[str, Any] = {"trace": Trace(), "seq": 0}
        if isinstance(finding, AlarmEvent):
            fields["emitted_ns"] = 0
        plain.append(msgspec.structs.replace(finding, **fields))
    return plain


def _same(found: Sequence[Finding], expected: Sequence[Finding], how: str) -> None:
    for i, (a, b) in enumerate(zip(found, expected, strict=False)):
        _require(a == b, f"{how}, finding {i} differs:\n  {a}\n  instead of\n  {b}")
    _require(len(found) == len(expected), f"{how}, {len(found)} findings instead of {len(expected)}")


def _decision(finding: Finding) -> int:
    return int(getattr(finding, "decision_sample", getattr(finding, "frame", 0)))


def _event(finding: Finding) -> int:
    if isinstance(finding, AlarmEvent):
        return finding.onset_sample if finding.change == "on" else finding.decision_sample
    return int(getattr(finding, "sample", _decision(finding)))


def _end(item: Item, begin: int) -> int:
    """Give the number of the first sample or frame after an item."""
    match item:
        case EcgChunk():
            return item.end_sample
        case XrayFrame():
            return item.frame + 1
        case Gap():
            return item.first + item.count
        case EndOfStream():
            return begin


def _follows(one: EcgChunk, other: EcgChunk) -> bool:
    same = (one.rate_hz, one.leads, one.clock) == (other.rate_hz, other.leads, other.clock)
    return same and one.end_sample == other.first_sample


def _cut(chunks: Sequence[EcgChunk], pattern: Sequence[int], turn: int) -> tuple[list[EcgChunk], int]:
    samples = np.concatenate([chunk.samples for chunk in chunks])
    head = chunks[0]
    pieces = []
    at = 0
    while at < len(samples):
        piece = samples[at : at + pattern[turn % len(pattern)]]
        at += len(piece)
        behind_ns = round((len(samples) - at) / head.rate_hz * 1e9)
        pieces.append(
            msgspec.structs.replace(
                head,
                first_sample=head.first_sample + at - len(piece),
                samples=piece,
                captured_ns=chunks[-1].captured_ns - behind_ns,
                trace=Trace(),
            )
        )
        turn += 1
    return pieces, turn


def _array(item: Item) -> np.ndarray[Any, Any] | None:
    match item:
        case EcgChunk():
            return item.samples
        case XrayFrame():
            return item.pixels
    return None


def _frozen(item: Item) -> Item:
    array = _array(item)
    if array is None:
        return item
    copy = array.copy()
    copy.flags.writeable = False
    name = "samples" if isinstance(item, EcgChunk) else "pixels"
    return msgspec.structs.replace(item, **{name: copy})
