import numpy as np

from heartwire.benchmarks.accuracy.catheter_bone import project
from heartwire.benchmarks.accuracy.catheter_empty import EmptyRun, chest_runs, still_frame
from heartwire.benchmarks.accuracy.catheter_false_devices import EmptyScore, empty_figures
from heartwire.benchmarks.accuracy.catheter_held_out import held_out_run, stretches
from heartwire.benchmarks.accuracy.catheter_truth import RecordedFrame, TrueDevice, dense


def _score(kind: str, told: list[bool]) -> EmptyScore:
    run = EmptyRun(kind, "a", [still_frame(np.zeros((8, 8), np.uint8), i) for i in range(len(told))])
    return EmptyScore(run, [[None] if yes else [] for yes in told], told[:1], [False] * len(told), [])  # type: ignore[list-item]


def test_shares_are_of_frames_by_kind_and_pooled() -> None:
    bone, vessels, pooled = empty_figures([_score("bone", [True, False]), _score("vessels", [False] * 6)])
    assert (bone.kind, bone.frames, bone.told, bone.detected) == ("bone", 2, 0.5, 1.0)
    assert (vessels.told, vessels.shown, vessels.ridge) == (0.0, 0.0, None)
    assert (pooled.kind, pooled.runs, pooled.frames, pooled.told) == ("all", 2, 8, 0.125)


def test_a_simulated_run_without_devices_is_the_same_patient() -> None:
    seed = 1_000_001
    with_devices, truth = held_out_run(seed, size_px=256).frame(3)
    without, nothing = held_out_run(seed, size_px=256, devices=False).frame(3)
    assert truth.devices
    assert not nothing.devices
    # Scatter from the devices changes grey levels everywhere by a few.
    changed = np.abs(with_devices.astype(int) - without.astype(int)) > 8
    assert 0.0 < changed.mean() < 0.2


def test_what_lies_below_the_device_is_cut_out_where_enough_is_left() -> None:
    frame = still_frame(np.arange(512, dtype=np.uint16)[:, None].repeat(512, 1), 0)
    devices = [TrueDevice((80.0, 100.0), dense([(0.0, 50.0), (80.0, 100.0)]))]
    low = [TrueDevice((80.0, 300.0), dense([(0.0, 50.0), (80.0, 300.0)]))]
    (run,) = chest_runs([RecordedFrame("a", "AngioData", frame, devices), RecordedFrame("b", "AngioData", frame, low)])
    assert run.frames[0].pixels[0, 0] == 130


def test_a_projection_shows_dense_things_dark() -> None:
    volume = np.full((30, 60, 60), 0.01, np.float32)
    volume[12:18, 28:32, 28:32] = 0.5
    for tilt_deg in (0.0, 20.0):
        image = project(volume, 2.0, 30.0, tilt_deg)
        assert image.shape == (512, 512)
        row, column = np.unravel_index(image.argmin(), image.shape)
        assert abs(row - 256) < 90
        assert abs(column - 256) < 60


def test_stretches_around_hidden_tips_are_the_same_each_time() -> None:
    plain = list(stretches(0, 2))
    assert [stretch.frames for stretch in plain] == [range(52), range(52)]
    assert plain == list(stretches(0, 2))
