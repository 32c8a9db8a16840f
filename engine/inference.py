"""Which device a model runs on, measured where that is left open, and said in one line.

A model quantised for CPUs may have a form for GPUs, of the same tensors, as `gpu/NAME.onnx` beside it.
"""

from __future__ import annotations

import statistics
import threading
import time
from functools import cached_property
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec
import onnxruntime as ort

from heartwire.engine.compiled.stack import CompiledStack, compiled
from heartwire.engine.errors import ModelError
from heartwire.engine.providers import CUDA, TITLES, Device, ProviderChoice
from heartwire.engine.runner import Runner, shapes_of
from heartwire.engine.session import ORT_ERRORS, Session
from heartwire.engine.stacking import SessionStack, Stack
from heartwire.models.catalogue import ModelCard, model_path, read_card

_TRIAL_RUNS = 25
_OF_THREAD = threading.local()


class Model:
    """A verified model on the device that was chosen for it.

    Parameters
    ----------
    name
        A shipped model's name or the path of an .onnx file with its card beside it.
    provider
        "auto" measures warm runs on CPU and CUDA and takes the faster; without a usable GPU, the CPU.
    threads
        Intra-op threads; 1 unless measured otherwise on the machine at hand.

    Raises
    ------
    ModelError
        If weights or card are missing, damaged, or do not match each other, or a GPU was asked for and cannot be used.
    """

    def __init__(self, name: str | Path, *, provider: ProviderChoice = "auto", threads: int = 1) -> None:
        self._session, self.provider = _choose(model_path(str(name)), provider, threads)
        self.path: Path = self._session.path
        self.card: ModelCard = self._session.card
        self.session: ort.InferenceSession = self._session.ort

    def runner(self, *, batch: int = 1, frames: int = 1) -> Runner:
        """Make one stream's buffers, warmed.

        Parameters
        ----------
        batch
            Stands for -1 at the front of the card's shapes.
        frames
            How long the signal is, where the card leaves that open.
        """
        return Runner(self._session, shapes_of(self.card, batch, frames))

    @cached_property
    def stack(self) -> Stack:
        """The runs that streams of one thread share (`heartwire.engine.stacking`)."""
        found = None if self._session.on_device else compiled(self._session)
        return SessionStack(self._session) if found is None else found

    def describe(self) -> str:
        """Say in one line what runs where and why."""
        form = ", compiled" if isinstance(self.__dict__.get("stack"), CompiledStack) else ""
        return f"model {self.card.name} {self.card.version}: runs on {self.provider}{form}"


def shared(name: str, provider: ProviderChoice, threads: int) -> Model:
    """Load a model once for all the streams of a thread, for as long as one of them holds it.

    Threads share nothing: one that makes a processor beside those at work must not touch their buffers.
    """
    models: WeakValueDictionary[tuple[str, str, int], Model] = _OF_THREAD.__dict__.setdefault(
        "models", WeakValueDictionary()
    )
    key = name, provider, threads
    if (model := models.get(key)) is None:
        model = models[key] = Model(name, provider=provider, threads=threads)
    return model


def _choose(path: Path, choice: ProviderChoice, threads: int) -> tuple[Session, str]:
    """Open a model where it was asked for or where it is faster; gives the session, and device and reason in words."""
    if choice == "cuda" or choice == "tensorrt":
        return _on_gpu(path, choice, threads)
    on_cpu = Session(path, threads=threads)
    if choice == "cpu":
        return on_cpu, "CPU (chosen for this stream)"
    if CUDA not in ort.get_available_providers():
        return on_cpu, "CPU (this onnxruntime is the CPU package)"
    try:
        on_gpu, how = _on_gpu(path, "cuda", threads)
    except ModelError as error:
        return on_cpu, f"CPU (CUDA is in the package but cannot be used: {error})"
    cpu_ms, gpu_ms = _run_ms(on_cpu), _run_ms(on_gpu)
    measured = f"a warm run took {cpu_ms:.3f} ms on the CPU, {gpu_ms:.3f} ms on CUDA"
    return (on_gpu, f"{how}; {measured}") if gpu_ms < cpu_ms else (on_cpu, f"CPU ({measured})")


def _on_gpu(path: Path, device: Device, threads: int) -> tuple[Session, str]:
    """Open a model on the GPU, on CUDA with a graph where it allows that: a run tells."""
    own = path.parent / "gpu" / path.name
    if own.is_file():
        check_same(path, own)
        path = own
    if device == "tensorrt":
        return _running(path, device, threads), "TensorRT"
    try:
        session = Session(path, device, threads=threads, graph=True)
        Runner(session, shapes_of(session.card, 1, 1))
    except (ModelError, *ORT_ERRORS) as error:
        reason = str(error).strip().splitlines()[0]
        return _running(path, device, threads), f"CUDA (no graph: {reason})"
    return session, "CUDA (graph)"


def _running(path: Path, device: Device, threads: int) -> Session:
    """Open a model on the GPU and run it once."""
    session = Session(path, device, threads=threads)
    try:
        Runner(session, shapes_of(session.card, 1, 1))
    except ORT_ERRORS as error:
        msg = f"model {path.name} does not run on {TITLES[device]}: {error}"
        raise ModelError(msg) from error
    return session


def check_same(path: Path, other: Path) -> None:
    """Refuse a form for GPUs that is not of the same model: cards may differ in the weights' hash alone.

    Raises
    ------
    ModelError
        If they differ otherwise.
    """
    cards = [msgspec.structs.replace(read_card(p), sha256="") for p in (path, other)]
    if cards[0] != cards[1]:
        msg = f"models {path} and {other} are not forms of one model: their cards differ; ship both anew"
        raise ModelError(msg)


def _run_ms(session: Session) -> float:
    """Give the median time of a warm run, copies to and from the device included."""
    runner = Runner(session, shapes_of(session.card, 1, 1))
    spent_ns = []
    for _ in range(_TRIAL_RUNS):
        begin_ns = time.perf_counter_ns()
        runner.run()
        spent_ns.append(time.perf_counter_ns() - begin_ns)
    return statistics.median(spent_ns) / 1e6
