"""Videos and images as sources."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EndOfStream, XrayFrame
from heartwire.engine.source import Source
from heartwire.engine.xray.frame_clock import FrameClock
from heartwire.streams.sources.images import ImagesSource, as_grey
from heartwire.streams.sources.video import VideoSource


def picture(k: int, dtype: type = np.uint8) -> np.ndarray:
    image = np.full((96, 128), 180, np.uint8)
    cv2.line(image, (0, 10 + 5 * k), (100, 60), 60, 5)
    return image.astype(dtype) * (100 if dtype is np.uint16 else 1)


def write_video(path: Path, n_frames: int = 12) -> Path:
    writer = imageio_ffmpeg.write_frames(str(path), (128, 96), fps=20, ffmpeg_log_level="quiet", macro_block_size=2)
    writer.send(None)
    for k in range(n_frames):
        writer.send(np.repeat(picture(k)[..., None], 3, axis=2).tobytes())
    writer.close()
    return path


def frames_of(source: Source) -> list[XrayFrame]:
    *frames, end = source.open()
    assert end == EndOfStream(stream=source.stream, offered=len(frames))
    return [frame for frame in frames if isinstance(frame, XrayFrame)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_video_gives_grey_frames_at_its_own_rate(tmp_path: Path, suffix: str) -> None:
    source = VideoSource(stream="s", path=str(write_video(tmp_path / f"run{suffix}")))
    frames = frames_of(source)
    assert [f.frame for f in frames] == list(range(12))
    assert [f.captured_ns for f in frames] == [50_000_000 * k for k in range(12)]
    assert frames[0].pixels.shape == (96, 128)
    assert np.abs(frames[3].pixels.astype(int) - picture(3)).mean() < 6
    assert source.length() == 12


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_damaged_video_is_one_clear_line(tmp_path: Path, kept: float, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_video(tmp_path / "run.mp4")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * kept)])
    with pytest.raises(SourceError, match="cut short"):
        frames_of(VideoSource(stream="s", path=str(path)))
    assert capfd.readouterr().err == ""


def test_an_absent_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        VideoSource(stream="s", path=str(tmp_path / "absent.mp4")).open()


def test_a_folder_is_one_sequence_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for k in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"frame{k}.png"), picture(k))
    (tmp_path / "notes.txt").write_text("not a frame")
    source = ImagesSource(stream="s", path=str(tmp_path), rate_hz=10.0, spacing_mm=(0.2, 0.2))
    frames = frames_of(source)
    assert source.length() == 3
    for frame, k in zip(frames, (1, 2, 10), strict=True):
        np.testing.assert_array_equal(frame.pixels, picture(k))
        assert frame.spacing_mm == (0.2, 0.2)
    assert [f.captured_ns for f in frames] == [0, 100_000_000, 200_000_000]


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 15)])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_a_single_image_keeps_its_depth(tmp_path: Path, suffix: str, dtype: type, bits: int) -> None:
    path = tmp_path / f"one{suffix}"
    cv2.imwrite(str(path), picture(0, dtype))
    (frame,) = frames_of(ImagesSource(stream="s", path=str(path)))
    np.testing.assert_array_equal(frame.pixels, picture(0, dtype))
    assert frame.bits == bits


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".jp2"])
@pytest.mark.parametrize("kept", [0.0, 0.05, 0.9])
def test_a_damaged_image_is_one_clear_line(
    tmp_path: Path, suffix: str, kept: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"one{suffix}"
    cv2.imwrite(str(path), picture(0))
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * kept)])
    with pytest.raises(SourceError, match="damaged"):
        frames_of(ImagesSource(stream="s", path=str(tmp_path)))
    assert capfd.readouterr().err == ""


def test_an_empty_folder_and_an_absent_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no image"):
        ImagesSource(stream="s", path=str(tmp_path)).open()
    with pytest.raises(SourceError, match="no such folder"):
        ImagesSource(stream="s", path=str(tmp_path / "absent")).open()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_page_of_a_tiff_is_a_frame(tmp_path: Path, dtype: type) -> None:
    cv2.imwritemulti(str(tmp_path / "run.tif"), [picture(k, dtype) for k in range(4)])
    source = ImagesSource(stream="s", path=str(tmp_path / "run.tif"))
    frames = frames_of(source)
    assert [frame.frame for frame in frames] == [0, 1, 2, 3]
    assert source.length() == 4
    for k, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.pixels, picture(k, dtype))
    cv2.imwrite(str(tmp_path / "zz.png"), picture(9))
    assert len(frames_of(ImagesSource(stream="s", path=str(tmp_path)))) == 5


def test_a_tiff_cut_short_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "run.tif"
    cv2.imwritemulti(str(path), [picture(k) for k in range(4)])
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(SourceError, match="cannot be read"):
        frames_of(ImagesSource(stream="s", path=str(path)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_images_in_which_dense_is_bright_are_inverted(tmp_path: Path, dtype: type) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), picture(0, dtype))
    (dark,) = frames_of(ImagesSource(stream="s", path=str(tmp_path)))
    (bright,) = frames_of(ImagesSource(stream="s", path=str(tmp_path), dense="bright"))
    np.testing.assert_array_equal(bright.pixels, (1 << dark.bits) - 1 - dark.pixels)


def test_a_video_in_which_dense_is_bright_is_inverted(tmp_path: Path) -> None:
    path = str(write_video(tmp_path / "run.mp4", 2))
    dark, bright = (frames_of(VideoSource(stream="s", path=path, dense=d)) for d in ("dark", "bright"))  # type: ignore[arg-type]
    np.testing.assert_array_equal(bright[0].pixels, 255 - dark[0].pixels)


def test_an_animated_gif_is_a_video(tmp_path: Path) -> None:
    frames = [cv2.cvtColor(picture(k), cv2.COLOR_GRAY2RGB) for k in range(5)]
    writer = imageio_ffmpeg.write_frames(str(tmp_path / "run.gif"), (128, 96), fps=10, codec="gif", pix_fmt_out="rgb8",
                                         ffmpeg_log_level="quiet", macro_block_size=2)  # fmt: skip
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame).tobytes())
    writer.close()
    read = frames_of(VideoSource(stream="s", path=str(tmp_path / "run.gif")))
    assert len(read) == 5
    assert read[0].rate_hz == 10.0
    assert np.abs(read[3].pixels.astype(int) - picture(3)).mean() < 25


def recoded(source: Path, path: Path, *options: str) -> Path:
    """What FFmpeg makes of a video with such options, before the input those that begin with `<`."""
    before = [option[1:] for option in options if option.startswith("<")]
    after = [option for option in options if not option.startswith("<")]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *before, "-i", str(source), *after, str(path)]
    subprocess.run(command, check=True)
    return path


def test_a_clip_trimmed_without_coding_it_anew_is_whole(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", 40)
    clip = recoded(whole, tmp_path / "clip.mp4", "<-ss", "<0.6", "-c", "copy")
    source = VideoSource(stream="s", path=str(clip))
    frames = frames_of(source)
    assert 0 < len(frames) < (source.length() or 0)


def test_a_video_cut_short_after_its_index_is_refused(tmp_path: Path) -> None:
    path = recoded(write_video(tmp_path / "a.mp4", 40), tmp_path / "b.mp4", "-c", "copy", "-movflags", "+faststart")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.8)])
    with pytest.raises(SourceError, match="cut short"):
        frames_of(VideoSource(stream="s", path=str(path)))


@pytest.mark.parametrize("progressive_first", [False, True])
def test_interlaced_video_gives_its_pictures(tmp_path: Path, progressive_first: bool) -> None:
    whole, parts = write_video(tmp_path / "a.mp4"), []
    for name, fields in (("plain", ()), ("woven", ("-vf", "setfield=tff", "-flags", "+ilme+ildct"))):
        path = tmp_path / f"{name}.ts"
        parts.append(recoded(whole, path, *fields, "-c:v", "mpeg2video", "-r", "25", "-q:v", "2").read_bytes())
    path = tmp_path / "run.ts"
    path.write_bytes(b"".join(parts if progressive_first else parts[1:]))
    frames = frames_of(VideoSource(stream="s", path=str(path)))
    assert len(frames) >= (24 if progressive_first else 12)
    for frame, k in ((frames[0], 0), (frames[-1], 11)):
        assert np.abs(frame.pixels.astype(int) - picture(k)).mean() < 8


def test_hidden_files_beside_the_images_are_no_frames(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), picture(1))
    (tmp_path / "._1.png").write_bytes(b"what macOS packs beside each file")
    assert len(frames_of(ImagesSource(stream="s", path=str(tmp_path)))) == 1


def test_every_picture_of_an_animated_webp_is_a_frame(tmp_path: Path) -> None:
    animation = cv2.Animation()
    animation.frames = [cv2.cvtColor(picture(k), cv2.COLOR_GRAY2BGRA) for k in range(4)]
    animation.durations = np.full(4, 60, np.int32)
    path = tmp_path / "run.webp"
    assert cv2.imwriteanimation(str(path), animation)
    source = ImagesSource(stream="s", path=str(path))
    frames = frames_of(source)
    assert len(frames) == source.length() == 4
    assert np.abs(frames[3].pixels.astype(int) - picture(3)).mean() < 6


def test_floats_are_shares_of_white_or_grey_levels(tmp_path: Path) -> None:
    path = tmp_path / "one.tif"
    source = ImagesSource(stream="s", path=str(path))
    cv2.imwrite(str(path), (picture(0) / np.float32(255)).astype(np.float32))
    (shares,) = frames_of(source)
    np.testing.assert_array_equal(shares.pixels, picture(0) * np.uint16(257))
    cv2.imwrite(str(path), picture(0).astype(np.float32) * 16)
    (levels,) = frames_of(source)
    np.testing.assert_array_equal(levels.pixels, picture(0) * np.uint16(16))
    cv2.imwrite(str(path), picture(0).astype(np.float32) - 100)
    with pytest.raises(SourceError, match="float32 from -40 to 80: 0 to 1"):
        frames_of(source)


def test_16_bit_images_that_use_8_bits_are_inverted_about_those(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), 255 - picture(0).astype(np.uint16))
    (frame,) = frames_of(ImagesSource(stream="s", path=str(tmp_path), dense="bright"))
    np.testing.assert_array_equal(frame.pixels, picture(0))


def test_frames_that_come_at_two_rates_have_their_own_times(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", 20)
    slower = "setpts='if(lt(N,10),N/20/TB,(0.5+(N-10)/2)/TB)'"
    path = recoded(whole, tmp_path / "b.mp4", "-vf", slower, "-fps_mode", "vfr")
    frames = frames_of(VideoSource(stream="s", path=str(path)))
    times_s = np.array([frame.captured_ns for frame in frames]) / 1e9
    np.testing.assert_allclose(np.diff(times_s), [0.05] * 10 + [0.5] * 9, rtol=0.01)
    clock = FrameClock()
    np.testing.assert_allclose([clock.at_s(frame) for frame in frames], times_s, atol=1e-6)
    regular = frames_of(VideoSource(stream="s", path=str(path), rate_hz=10.0))
    assert [frame.captured_ns for frame in regular] == [100_000_000 * k for k in range(20)]


def test_pages_come_in_their_order_however_many_are_read_at_once(tmp_path: Path) -> None:
    stack = [np.full((4, 4), k, np.uint8) for k in range(140)]
    cv2.imwritemulti(str(tmp_path / "run.tif"), stack)
    frames = frames_of(ImagesSource(stream="s", path=str(tmp_path / "run.tif")))
    np.testing.assert_array_equal([frame.pixels for frame in frames], stack)


def test_whole_numbers_of_other_types_are_grey_levels() -> None:
    grey = as_grey(Path("a.tif"), np.array([[0, 300], [65535, 7]], np.int32))
    assert grey.dtype == np.uint16
    assert grey.tolist() == [[0, 300], [65535, 7]]
    with pytest.raises(SourceError, match="int32 from -1 to 5"):
        as_grey(Path("a.tif"), np.array([[-1, 5]], np.int32))
