"""Atrial fibrillation on five databases, each with models that have not seen the recording.

cinc2017 and afdb are cross-validated: each recording with the model of the fold that tests it. mitdb, cpsc2021 and
nsrdb were not trained on at all; the shipped model runs on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from rich.progress import Progress

from heartwire.benchmarks.accuracy import af_score, rhythm_score
from heartwire.benchmarks.accuracy.af_score import Counts, count, shares
from heartwire.benchmarks.accuracy.engine_rhythms import EngineRhythms, run_rhythms
from heartwire.benchmarks.accuracy.rhythm_score import RhythmScore, overlap_s, score_rhythm
from heartwire.benchmarks.accuracy.vf import spans
from heartwire.benchmarks.environment import environment
from heartwire.engine.ecg.fibrillation import LABEL, Decision, FibrillationSettings, decide
from heartwire.engine.ecg.last_beats import ABSENT, N_BEATS, N_IRREGULAR, Array, irregular
from heartwire.engine.errors import SourceError
from heartwire.engine.inference import Model
from heartwire.models.ecg.recordings import DS1, DS2, PACED, rhythm_changes
from heartwire.models.ecg.told_beats import N_FOLDS, ToldBeats, cinc2017_fold, cinc2017_labels, read_afdb

LEAST_EPISODE_S = 30.0
"""Shorter episodes need not be found."""
UNSEEN = ("mitdb", "cpsc2021", "nsrdb")
"""Databases that the fibrillation network was not trained on."""
LEVELS = np.arange(0.2, 0.65, 0.05)
"""Probabilities from which a window of afdb may count as fibrillation; the other folds choose."""
EXCLUDED = ("04936", "05091")
"""Records of afdb that some authors leave out because of many wrong annotations."""
_BATCH = 1024
_FOLD_MODEL = "folds/ecg-fibrillation-{}"


class Recordings(msgspec.Struct, kw_only=True):
    """cinc2017, N and A recordings: told where the engine's rhythm is fibrillation at any time.

    `unseen` are the recordings of odd number, which the beat network has not seen either; `half` calls a recording only
    where fibrillation lasts for half of it.
    """

    all: Counts
    unseen: Counts
    half: Counts


class Windows(msgspec.Struct, kw_only=True):
    """afdb, decisions on thirty beats, from RR intervals alone.

    `every` is at every beat on the window that ends with it, the reference what most of its beats are; `pure` leaves
    out the windows that hold more than one rhythm; `live` is the rhythm as it stood after each beat against that beat's
    own, delay and all; `dated` the same beats by the begin and end that the engine gives.
    """

    every: Counts
    pure: Counts
    live: Counts
    dated: Counts


class AfSet(msgspec.Struct, kw_only=True):
    """Records that the models have not seen: their rhythm by duration and episode, and false AF alarms.

    An alarm is false when fibrillation is told where none is annotated at all in the stretch told. `clear_records` are
    those in which nothing was told, of `records`.
    """

    rhythm: RhythmScore
    false_alarms: int
    records: int
    clear_records: int


class AfResult(msgspec.Struct, kw_only=True):
    """The whole evaluation."""

    environment: dict[str, str]
    cinc2017: Recordings | None
    afdb: Windows | None
    afdb_without: Windows | None
    """Without the records in `EXCLUDED`."""
    afdb_records: dict[str, Windows]
    sets: dict[str, AfSet]
    per_record: dict[str, RhythmScore]


def evaluate(data: Path, progress: Progress) -> AfResult:
    """Run everything that there is under `data`.

    Raises
    ------
    SourceError
        If the folder holds none of the databases.
    """
    result = AfResult(
        environment=environment(),
        cinc2017=_cinc2017(data / "cinc2017", progress),
        afdb=None,
        afdb_without=None,
        afdb_records=_afdb(data / "afdb_annotations", progress),
        sets={},
        per_record={},
    )
    if result.afdb_records:
        result.afdb = _added(result.afdb_records.values())
        result.afdb_without = _added(w for name, w in result.afdb_records.items() if name not in EXCLUDED)
    _unseen(data, result, progress)
    if result.cinc2017 is None and result.afdb is None and not result.sets:
        msg = f"no records in {data}: give the folder that holds cinc2017, afdb_annotations, mitdb ... with --data"
        raise SourceError(msg)
    return result


def _cinc2017(folder: Path, progress: Progress) -> Recordings | None:
    if not (folder / "REFERENCE-v3.csv").is_file():
        return None
    labels = {name: label for name, label in cinc2017_labels(folder).items() if label in "NA"}
    told = {}
    for name in progress.track(sorted(labels), description="cinc2017"):
        told[name] = run_rhythms(folder / name, {"af_model": _FOLD_MODEL.format(cinc2017_fold(name))})
    any_ = {name: bool(each.of(LABEL)[0]) for name, each in told.items()}
    half = {name: _share(each) >= 0.5 for name, each in told.items()}
    odd = {name: yes for name, yes in any_.items() if int(name[1:]) % 2}
    return Recordings(
        all=_of_recordings(labels, any_), unseen=_of_recordings(labels, odd), half=_of_recordings(labels, half)
    )


def _share(told: EngineRhythms) -> float:
    return sum(s.end_s - s.begin_s for s in told.of(LABEL)[0]) / told.length_s


def _of_recordings(labels: dict[str, str], called: dict[str, bool]) -> Counts:
    fibrillates = np.array([labels[name] == "A" for name in called], np.bool_)
    return count(fibrillates, np.array(list(called.values()), np.bool_))


def _afdb(folder: Path, progress: Progress) -> dict[str, Windows]:
    if not folder.is_dir():
        return {}
    models = [Model(_FOLD_MODEL.format(k), provider="cpu", threads=1) for k in range(N_FOLDS)]
    records = read_afdb(folder)
    told = [probabilities(beats, models[beats.fold]) for beats in progress.track(records, description="afdb")]
    levels = [
        level([(beats, p) for beats, p in zip(records, told, strict=True) if beats.fold != k]) for k in range(N_FOLDS)
    ]
    return {beats.name: windows(beats, p, levels[beats.fold]) for beats, p in zip(records, told, strict=True)}


def level(told: Sequence[tuple[ToldBeats, Array]]) -> float:
    """Give the one of `LEVELS` at which sensitivity and specificity are nearest to each other."""
    share = np.concatenate([shares(beats.fibrillates, N_BEATS) for beats, _ in told]) >= 0.5
    p = np.concatenate([p[N_BEATS - 1 :] for _, p in told])
    apart = [abs(float((p[share] >= x).mean() - (p[~share] < x).mean())) for x in LEVELS]
    return float(LEVELS[int(np.argmin(apart))])


def windows(beats: ToldBeats, p: Array, least: float) -> Windows:
    """Score one record, each beat on the window of thirty that ends with it, called from a probability `least` on."""
    live, dated = followed(p, FibrillationSettings())
    share = shares(beats.fibrillates, N_BEATS)
    whole = p[N_BEATS - 1 :] >= least
    pure = (share == 0.0) | (share == 1.0)
    return Windows(
        every=count(share >= 0.5, whole),
        pure=count(share[pure] == 1.0, whole[pure]),
        live=count(beats.fibrillates, live),
        dated=count(beats.fibrillates, dated),
    )


def probabilities(beats: ToldBeats, model: Model) -> Array:
    """Run the network at each beat on intervals and classes alone; (n_beats,)."""
    runner = model.runner(batch=_BATCH)
    before = np.zeros(N_BEATS - 1, np.float32)
    rr_s = np.lib.stride_tricks.sliding_window_view(np.concatenate((before, beats.rr_s)), N_BEATS)
    kinds = np.concatenate((np.full(N_BEATS - 1, ABSENT, np.uint8), beats.kinds))
    kinds = np.lib.stride_tricks.sliding_window_view(kinds, N_BEATS)
    p = np.empty(len(rr_s), np.float32)
    for first in range(0, len(p), _BATCH):
        part = slice(first, min(first + _BATCH, len(p)))
        n = part.stop - part.start
        runner.inputs["features"][:n, :N_IRREGULAR] = irregular(rr_s[part], kinds[part])
        runner.run()
        p[part] = runner.outputs["fibrillation"][:n, 0]
    return p


def followed(p: Array, settings: FibrillationSettings) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Follow the rhythm as the engine does; whether each beat fibrillates as it stood then, and as it is dated."""
    live, dated = np.zeros(len(p), np.bool_), np.zeros(len(p), np.bool_)
    decision = Decision()
    for i in range(len(p)):
        state = decision.state
        decision = decide(decision, float(p[i]), range(max(i + 1 - N_BEATS, 0), i + 1), settings)
        live[i] = dated[i] = bool(decision.state.label)
        if decision.state != state:
            dated[decision.state.onset_sample : i + 1] = live[i]
    return live, dated


def _added(each: Iterable[Windows]) -> Windows:
    parts = list(each)
    return Windows(
        every=af_score.together(w.every for w in parts),
        pure=af_score.together(w.pure for w in parts),
        live=af_score.together(w.live for w in parts),
        dated=af_score.together(w.dated for w in parts),
    )


def _unseen(data: Path, result: AfResult, progress: Progress) -> None:
    """Run the shipped model on the records that it was not trained on."""
    records = [r.with_suffix("") for name in UNSEEN for r in sorted((data / name).glob("*.hea"))]
    scores: dict[str, RhythmScore] = {}
    sets: dict[str, list[str]] = {}
    alarms: dict[str, int] = {}
    for record in progress.track(records, description="unseen records"):
        name = f"{record.parent.name}/{record.name}"
        told = run_rhythms(record)
        marked = record.with_suffix(".atr").is_file()
        changes = (rhythm_changes(record) if marked else []) or [(0.0, "N")]
        annotated = spans(changes, told.length_s, frozenset({LABEL}))
        called, decided = told.of(LABEL)
        scores[name] = score_rhythm(annotated, called, decided, told.length_s, least_s=LEAST_EPISODE_S)
        begun = [onset for condition, change, onset, _ in told.alarms if (condition, change) == ("AF", "on")]
        alarms[name] = sum(not any(overlap_s(a, c) for a in annotated) for c in called if c.begin_s in begun)
        for title in _titles(record, bool(annotated)):
            sets.setdefault(title, []).append(name)
    result.per_record = scores
    result.sets = {
        title: AfSet(
            rhythm=rhythm_score.together(scores[name] for name in names),
            false_alarms=sum(alarms[name] for name in names),
            records=len(names),
            clear_records=sum(scores[name].told_s == 0.0 for name in names),
        )
        for title, names in sets.items()
    }


def _titles(record: Path, fibrillates: bool) -> list[str]:
    """Give the sets that a record belongs to."""
    if record.parent.name != "mitdb":
        return [record.parent.name]
    titles = ["mitdb, all"]
    if not fibrillates:
        titles.append("mitdb without AF")
        for part, names in (("DS1", DS1), ("DS2", DS2), ("paced", PACED)):
            titles += [f"mitdb without AF, {part}"] * (record.name in names)
    else:
        titles.append("mitdb with AF")
    return titles
