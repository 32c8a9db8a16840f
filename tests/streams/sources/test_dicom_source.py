"""DICOM runs as a source: every transfer syntax, depth and polarity; times and spacing; what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gdcm
import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEGExtended12Bit, XRayAngiographicImageStorage, generate_uid

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EndOfStream, Projection, XrayFrame
from heartwire.engine.xray.frame_clock import FrameClock
from heartwire.streams.sources.dicom import DicomSource

LOSSLESS = (
    "ImplicitVRLittleEndian",
    "ExplicitVRBigEndian",
    "JPEGLosslessProcess14_1",
    "JPEGLSLossless",
    "JPEG2000Lossless",
    "RLELossless",
)


def drawn(n_frames: int = 3, *, bits: int = 8, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    """Frames (n_frames, height, width) with a dark line that moves over a bright, slightly noisy field."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[: size[0], : size[1]]
    frames = np.empty((n_frames, *size))
    for k in range(n_frames):
        line = np.exp(-(((rows - columns * 0.6 - 5 * k) / 3.0) ** 2))
        frames[k] = 0.8 - 0.5 * line + rng.normal(0, 0.005, size)
    return (frames * (2**bits - 1)).clip(0, 2**bits - 1).astype(np.uint8 if bits <= 8 else np.uint16)


def dataset(pixels: np.ndarray, bits: int, **elements: Any) -> Dataset:
    """An XA dataset of the pixels (n_frames, height, width), not compressed; `elements` by keyword."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = XRayAngiographicImageStorage, generate_uid()
    made.Modality, made.SamplesPerPixel, made.PhotometricInterpretation = "XA", 1, "MONOCHROME2"
    made.NumberOfFrames, made.Rows, made.Columns = pixels.shape[:3]
    made.BitsAllocated, made.BitsStored, made.HighBit = pixels.dtype.itemsize * 8, bits, bits - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def save(made: Dataset, path: Path, syntax: str | None = None) -> Path:
    """Write a dataset, in the transfer syntax that GDCM calls by this name if one is given."""
    made.save_as(path, enforce_file_format=True)
    if syntax:
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
    return path


def frames_of(path: Path) -> list[XrayFrame]:
    *frames, end = DicomSource(stream="lab-1/xray", path=str(path)).open()
    assert end == EndOfStream(stream="lab-1/xray", offered=len(frames))
    return [frame for frame in frames if isinstance(frame, XrayFrame)]


def stacked(frames: list[XrayFrame]) -> np.ndarray:
    return np.stack([frame.pixels for frame in frames])


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", [None, *LOSSLESS])
def test_lossless_syntaxes_give_the_very_pixels(tmp_path: Path, syntax: str | None, bits: int) -> None:
    pixels = drawn(bits=bits)
    frames = frames_of(save(dataset(pixels, bits), tmp_path / "run.dcm", syntax))
    np.testing.assert_array_equal(stacked(frames), pixels)
    assert frames[0].pixels.dtype == pixels.dtype
    assert [(f.frame, f.bits) for f in frames] == [(k, bits) for k in range(3)]


@pytest.mark.parametrize("syntax", ["JPEGBaselineProcess1", "JPEG2000"])
def test_lossy_syntaxes_come_close(tmp_path: Path, syntax: str) -> None:
    pixels = drawn()
    found = stacked(frames_of(save(dataset(pixels, 8), tmp_path / "run.dcm", syntax)))
    assert np.abs(found.astype(int) - pixels).mean() < 3.0


def test_lossy_pixels_of_12_bits_come_close(tmp_path: Path) -> None:
    pixels = drawn(bits=12)
    made = dataset(pixels, 12)
    made.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    made.PixelData = encapsulate([imagecodecs.jpeg8_encode(frame, level=95, bitspersample=12) for frame in pixels])
    found = stacked(frames_of(save(made, tmp_path / "run.dcm")))
    assert np.abs(found.astype(int) - pixels).mean() < 20.0


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_monochrome1_is_inverted(tmp_path: Path, bits: int) -> None:
    pixels = drawn(bits=bits)
    inverse = (2**bits - 1 - pixels.astype(np.int64)).astype(pixels.dtype)
    made = dataset(inverse, bits, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(stacked(frames_of(save(made, tmp_path / "run.dcm"))), pixels)


@pytest.mark.parametrize("syntax", [None, "JPEG2000Lossless", "JPEGLosslessProcess14_1", "RLELossless"])
def test_signed_pixels_are_shifted_to_begin_at_zero(tmp_path: Path, syntax: str | None) -> None:
    pixels = drawn(bits=12)
    made = dataset((pixels.astype(np.int32) - 2048).astype(np.int16), 12)
    found = stacked(frames_of(save(made, tmp_path / "run.dcm", syntax))).astype(int)
    shift = int(found[0, 0, 0]) - int(pixels[0, 0, 0])
    np.testing.assert_array_equal(found - shift, pixels)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("signed", [False, True])
def test_pixels_that_use_little_of_their_range_keep_their_contrast(
    tmp_path: Path, photometric: str, signed: bool
) -> None:
    pixels = drawn(bits=12)
    shown = 4095 - pixels if photometric == "MONOCHROME1" else pixels
    made = dataset(shown.astype(np.int16 if signed else np.uint16), 16, PhotometricInterpretation=photometric)
    frames = frames_of(save(made, tmp_path / "run.dcm"))
    np.testing.assert_array_equal(stacked(frames), pixels)
    assert {frame.bits for frame in frames} == {12}


def test_signed_pixels_that_go_lower_later_are_not_cut_off(tmp_path: Path) -> None:
    pixels = np.stack([np.full((8, 8), level, np.int16) for level in (-5, -700, 3)])
    frames = frames_of(save(dataset(pixels, 16), tmp_path / "run.dcm"))
    assert [int(frame.pixels[0, 0]) for frame in frames] == [3, 324, 1027]


def test_an_inverse_presentation_and_bright_for_dense_are_inverted_and_both_are_not(tmp_path: Path) -> None:
    pixels = drawn()
    plain, inverse = tmp_path / "plain.dcm", tmp_path / "inverse.dcm"
    save(dataset(pixels, 8), plain)
    save(dataset(pixels, 8, PresentationLUTShape="INVERSE"), inverse)
    np.testing.assert_array_equal(stacked(frames_of(inverse)), 255 - pixels)
    for path, expected in ((plain, 255 - pixels), (inverse, pixels)):
        *frames, _ = DicomSource(stream="s", path=str(path), dense="bright").open()
        np.testing.assert_array_equal(stacked([f for f in frames if isinstance(f, XrayFrame)]), expected)


def test_colour_becomes_grey(tmp_path: Path) -> None:
    pixels = drawn()
    made = dataset(np.repeat(pixels[..., None], 3, axis=3), 8)
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    np.testing.assert_array_equal(stacked(frames_of(save(made, tmp_path / "run.dcm"))), pixels)


def test_a_single_frame_without_a_number_of_frames_is_one_frame(tmp_path: Path) -> None:
    made = dataset(drawn(1), 8)
    del made.NumberOfFrames
    path = save(made, tmp_path / "one.dcm")
    assert len(frames_of(path)) == DicomSource(stream="s", path=str(path)).length() == 1


@pytest.mark.parametrize(
    ("elements", "times_ms", "rate_hz"),
    [
        ({"FrameTime": "40"}, [0, 40, 80], 25.0),
        ({"CineRate": "10"}, [0, 100, 200], 10.0),
        ({"RecommendedDisplayFrameRate": 20, "FrameTime": "0"}, [0, 50, 100], 20.0),
        ({"FrameTimeVector": [0, 30, 50]}, [0, 30, 80], 25.0),
        ({"FrameTimeVector": [0, 30], "FrameTime": "40"}, [0, 40, 80], 25.0),
        ({"FrameTime": ""}, [0, 66.666667, 133.333333], 15.0),
    ],
)
def test_frame_times_are_those_of_the_header(
    tmp_path: Path, elements: dict[str, Any], times_ms: list[float], rate_hz: float
) -> None:
    frames = frames_of(save(dataset(drawn(), 8, **elements), tmp_path / "run.dcm"))
    assert [f.captured_ns / 1e6 for f in frames] == pytest.approx(times_ms)
    assert frames[0].rate_hz == pytest.approx(rate_hz)


@pytest.mark.parametrize(
    ("elements", "spacing_mm", "plane"),
    [
        ({}, None, "unknown"),
        ({"ImagerPixelSpacing": [0.3, 0.2]}, (0.3, 0.2), "detector"),
        (
            {"ImagerPixelSpacing": [0.3, 0.2], "EstimatedRadiographicMagnificationFactor": "1.5"},
            (0.2, 0.2 / 1.5),
            "patient",
        ),
        (
            {"ImagerPixelSpacing": [0.3, 0.3], "DistanceSourceToDetector": "1200", "DistanceSourceToPatient": "800"},
            (0.2, 0.2),
            "patient",
        ),
        (
            {"ImagerPixelSpacing": [0.3, 0.3], "DistanceSourceToDetector": "1200", "DistanceSourceToPatient": "0"},
            (0.3, 0.3),
            "detector",
        ),
        (
            {
                "ImagerPixelSpacing": [0.3, 0.3],
                "DistanceSourceToDetector": "1200",
                "DistanceSourceToPatient": "0",
                "DistanceSourceToIsocenter": 800.0,
            },
            (0.2, 0.2),
            "patient",
        ),
        ({"PixelSpacing": [0.25, 0.25]}, (0.25, 0.25), "unknown"),
        ({"PixelSpacing": [0.25, 0.25], "PixelSpacingCalibrationType": "FIDUCIAL"}, (0.25, 0.25), "patient"),
    ],
)
def test_spacing_is_brought_to_the_patient_where_the_magnification_is_known(
    tmp_path: Path, elements: dict[str, Any], spacing_mm: tuple[float, float] | None, plane: str
) -> None:
    frame = frames_of(save(dataset(drawn(1), 8, **elements), tmp_path / "run.dcm"))[0]
    assert frame.spacing_plane == plane
    assert frame.spacing_mm == (None if spacing_mm is None else pytest.approx(spacing_mm))


_STANDS: dict[str, Any] = {
    "ImagerPixelSpacing": [0.3, 0.2], "DistanceSourceToDetector": "1100", "DistanceSourceToPatient": "750",
    "PositionerPrimaryAngle": "-28.5", "PositionerSecondaryAngle": "12",
}  # fmt: skip


def test_where_source_and_detector_stand_comes_with_each_frame(tmp_path: Path) -> None:
    frame = frames_of(save(dataset(drawn(1), 8, **_STANDS), tmp_path / "run.dcm"))[0]
    height, width = frame.pixels.shape
    assert frame.projection == Projection(
        primary_deg=-28.5, secondary_deg=12.0, source_to_detector_mm=1100.0, source_to_patient_mm=750.0,
        imager_spacing_mm=(0.3, 0.2), centre_px=(0.5 * (width - 1), 0.5 * (height - 1)),
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        *({word: None} for word in _STANDS),
        {"PositionerMotion": "DYNAMIC"},
        {"DistanceSourceToPatient": "0"},
        {"DistanceSourceToPatient": "1200"},
        {"PositionerPrimaryAngle": "4000"},
    ],
)
def test_where_they_stand_is_not_told_of_a_header_that_does_not_say(tmp_path: Path, change: dict[str, Any]) -> None:
    elements = {word: value for word, value in {**_STANDS, **change}.items() if value is not None}
    frame = frames_of(save(dataset(drawn(1), 8, **elements), tmp_path / "run.dcm"))[0]
    assert frame.projection is None


def test_an_enhanced_image_gives_its_spacing_in_functional_groups(tmp_path: Path) -> None:
    properties, geometry, groups = Dataset(), Dataset(), Dataset()
    properties.ImagerPixelSpacing = [0.4, 0.4]
    geometry.DistanceSourceToDetector, geometry.DistanceSourceToIsocenter = 1000.0, 500.0
    groups.FramePixelDataPropertiesSequence = Sequence([properties])
    groups.XRayGeometrySequence = Sequence([geometry])
    made = dataset(drawn(1), 8, SharedFunctionalGroupsSequence=Sequence([groups]))
    frame = frames_of(save(made, tmp_path / "run.dcm"))[0]
    assert (frame.spacing_mm, frame.spacing_plane) == (pytest.approx((0.2, 0.2)), "patient")


@pytest.mark.parametrize("syntax", [None, "JPEG2000Lossless", "JPEGBaselineProcess1", "RLELossless"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.98])
def test_a_file_cut_short_is_one_clear_line(
    tmp_path: Path, syntax: str | None, kept: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = save(dataset(drawn(), 8), tmp_path / "run.dcm", syntax)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * kept)])
    with pytest.raises(SourceError, match=r"cut short|damaged") as caught:
        frames_of(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("syntax", [None, "JPEGBaselineProcess1", "JPEGLosslessProcess14_1", "JPEG2000Lossless"])
def test_damaged_bytes_give_frames_or_one_clear_line(tmp_path: Path, syntax: str | None) -> None:
    path = save(dataset(drawn(2, size=(48, 48)), 8), tmp_path / "run.dcm", syntax)
    raw, rng = path.read_bytes(), np.random.default_rng(5)
    for _ in range(40):
        damaged = bytearray(raw)
        for place in rng.integers(132, len(raw), 5):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            frames_of(path)
        except SourceError as refusal:
            assert "\n" not in str(refusal)  # noqa: PT017 - either outcome is right


def test_fewer_frames_than_stated_and_no_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cut short|damaged"):
        frames_of(save(dataset(drawn(), 8, NumberOfFrames=5), tmp_path / "fewer.dcm"))
    made = dataset(drawn(), 8)
    del made.PixelData
    with pytest.raises(SourceError, match="no pixel data"):
        frames_of(save(made, tmp_path / "none.dcm"))


def test_what_is_no_dicom_file_or_absent_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.dcm").write_text("certainly not DICOM" * 40)
    with pytest.raises(SourceError, match="no DICOM file"):
        DicomSource(stream="s", path=str(tmp_path / "text.dcm")).open()
    with pytest.raises(SourceError, match="no such file"):
        DicomSource(stream="s", path=str(tmp_path / "absent.dcm")).open()


@pytest.mark.data
def test_real_runs_are_read_whole(data_dir: Path) -> None:
    for name, n_frames in (("rubo0002.dcm", 96), ("xa-mono2-12x.dcm", 12)):
        frames = frames_of(data_dir / "xray" / "cine" / name)
        assert len(frames) == n_frames
        assert frames[0].pixels.shape == (512, 512)
        assert frames[0].rate_hz == pytest.approx(1000 / 33)


def test_tracking_goes_by_the_times_of_a_run_whose_pulse_rate_changes(tmp_path: Path) -> None:
    steps_ms = [0, 50, 50, 50, 50, 50, 250, 250]
    frames = frames_of(save(dataset(drawn(8), 8, FrameTimeVector=steps_ms), tmp_path / "run.dcm"))
    clock = FrameClock()
    at_s = [clock.at_s(frame) for frame in frames]
    np.testing.assert_allclose(np.diff(at_s), [step / 1e3 for step in steps_ms[1:]], atol=1e-6)
