"""`heartwire localise`: every kind of input with the shipped network, and inputs that are wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from heartwire.engine.cli import main


def picture(k: int = 0) -> np.ndarray:
    """A bright, noisy field with a dark, bent device that ends in the middle."""
    rng = np.random.default_rng(k)
    image = rng.normal(150, 4, (256, 256))
    points = np.array([[0, 60 + k], [70, 90 + k], [130, 128 + k]], np.int32)
    body = cv2.GaussianBlur(cv2.polylines(np.zeros((256, 256), np.float32), [points], False, 1.0, 4), (0, 0), 1.0)
    return (image * (1 - 0.45 * body)).clip(0, 255).astype(np.uint8)


def heartwire(*arguments: object, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["heartwire", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_folder_and_an_image_give_a_line_a_frame_and_a_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run.1"
    folder.mkdir()
    for k in range(3):
        cv2.imwrite(str(folder / f"{k}.png"), picture(k))
    image = tmp_path / "one.png"
    cv2.imwrite(str(image), picture().astype(np.uint16) * 200)
    out = tmp_path / "out"
    assert heartwire("localise", folder, image, "--out", out, "--overlay", monkeypatch=monkeypatch) == 0
    for name, n_frames in (("run.1", 3), ("one", 1)):
        lines = [json.loads(line) for line in (out / f"{name}.fixes.jsonl").read_text().splitlines()]
        assert [line["frame"] for line in lines] == list(range(n_frames))
        for line in lines:
            assert {"captured_ns", "age_ms", "devices"} <= set(line)
            for device in line["devices"]:
                assert device["state"] in ("tracked", "coasting", "lost")
                assert device["visible"] in (True, False)
        assert (out / f"{name}.overlay.mp4").stat().st_size > 500
    said = capsys.readouterr()
    assert said.err == ""
    assert "4 frames offered = 4 processed" in said.out


def test_a_wrong_input_is_one_line_and_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, short, text = tmp_path / "good.png", tmp_path / "short.png", tmp_path / "notes.txt"
    cv2.imwrite(str(good), picture())
    short.write_bytes(good.read_bytes()[:5000])
    text.write_text("no picture at all")
    out = tmp_path / "out"
    inputs = (short, text, tmp_path / "absent.dcm", good)
    assert heartwire("localise", *inputs, "--out", out, monkeypatch=monkeypatch) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, ("short.png", "notes.txt", "absent.dcm"), strict=True):
        assert line.startswith("heartwire: ")
        assert name in line
    assert [file.name for file in out.iterdir()] == ["good.fixes.jsonl"]


def test_two_inputs_of_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = (tmp_path / "a.png", tmp_path / "a.dcm")
    assert heartwire("localise", *inputs, "--out", tmp_path / "out", monkeypatch=monkeypatch) == 2
    assert "two inputs have the name a" in capsys.readouterr().err


@pytest.mark.data
def test_a_real_run_gives_a_fix_for_every_frame(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = data_dir / "xray" / "cine" / "xa-mono2-12x.dcm"
    assert heartwire("localise", run, "--out", tmp_path, "--overlay", monkeypatch=monkeypatch) == 0
    lines = [json.loads(line) for line in (tmp_path / "xa-mono2-12x.fixes.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(12))
    assert all(line["devices"] for line in lines)
    film = cv2.VideoCapture(str(tmp_path / "xa-mono2-12x.overlay.mp4"), cv2.CAP_FFMPEG)
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    film.release()


def test_a_negative_is_told_and_gives_what_the_recording_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("positive", "negative"):
        (tmp_path / name).mkdir()
    for k in range(25):
        cv2.imwrite(str(tmp_path / "positive" / f"{k}.png"), picture(k))
        cv2.imwrite(str(tmp_path / "negative" / f"{k}.png"), 255 - picture(k))
    out = tmp_path / "out"
    folders = tmp_path / "positive", tmp_path / "negative"
    assert heartwire("localise", *folders, "--out", out, monkeypatch=monkeypatch) == 0
    assert f"{tmp_path / 'negative'}: bright is dense" in capsys.readouterr().err
    tips = {}
    for name in ("positive", "negative"):
        lines = (out / f"{name}.fixes.jsonl").read_text().splitlines()
        devices = [device for line in lines for device in json.loads(line)["devices"]]
        tips[name] = [device["tip_px"] for device in devices if device["visible"]]
    assert tips["positive"]
    np.testing.assert_allclose(tips["negative"], tips["positive"], atol=0.5)
    assert heartwire("localise", tmp_path / "negative", "--out", out, "--dense", "dark", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().err == ""


def test_results_have_the_name_of_the_link_not_of_what_it_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cv2.imwrite(str(tmp_path / "4f2a.png"), picture())
    (tmp_path / "run.png").symlink_to(tmp_path / "4f2a.png")
    assert heartwire("localise", tmp_path / "run.png", "--out", tmp_path / "out", monkeypatch=monkeypatch) == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["run.fixes.jsonl"]


def test_a_run_whose_rate_changes_lasts_as_long_as_its_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = imageio_ffmpeg.write_frames(
        str(tmp_path / "run.mp4"), (256, 256), fps=20, ffmpeg_log_level="quiet",
        output_params=["-vf", "setpts='if(lt(N,10),N/20/TB,(0.5+(N-10))/TB)'", "-fps_mode", "vfr"],
    )  # fmt: skip
    writer.send(None)
    for k in range(15):
        writer.send(np.repeat(picture(k)[..., None], 3, axis=2).tobytes())
    writer.close()
    assert heartwire("localise", tmp_path / "run.mp4", "--out", tmp_path / "out", monkeypatch=monkeypatch) == 0
    assert "0:00:05 in" in capsys.readouterr().out
