"""Files that are wrong, through the command line: one clear line, status 2, no partial result, nothing else touched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
import wfdb
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage, XRayAngiographicImageStorage

from heartwire.engine.cli import main

Make = Callable[[Path], Path]
RUBBISH = np.random.default_rng(0).bytes(3000)


def record(folder: Path, name: str = "r", signal: np.ndarray | None = None) -> Path:
    if signal is None:
        signal = 0.2 * np.random.default_rng(1).standard_normal((2500, 2))
    n_leads = signal.shape[1]
    wfdb.wrsamp(
        name, 250, ["mV"] * n_leads, [f"L{k}" for k in range(n_leads)], signal, fmt=["16"] * n_leads,
        adc_gain=[200.0] * n_leads, baseline=[0] * n_leads, write_dir=str(folder),
    )  # fmt: skip
    return folder / name


def header(*changes: tuple[str, str]) -> Make:
    def make(folder: Path) -> Path:
        path = record(folder).with_suffix(".hea")
        text = path.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return path

    return make


def cut(suffix: str, length: int) -> Make:
    def make(folder: Path) -> Path:
        path = record(folder)
        file = path.with_suffix(suffix)
        file.write_bytes(file.read_bytes()[:length])
        return path

    return make


def put(name: str, content: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def empty_folder(name: str) -> Make:
    def make(folder: Path) -> Path:
        (folder / name).mkdir()
        return folder / name

    return make


def dicom(keep: int | None = None, pixels: bool = True, **changes: object) -> Make:
    def make(folder: Path) -> Path:
        kind = XRayAngiographicImageStorage if pixels else TwelveLeadECGWaveformStorage
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, "1.2.3"
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / "run.dcm"
        dataset = FileDataset(str(path), pydicom.Dataset(), file_meta=meta, preamble=bytes(128))
        dataset.SOPClassUID, dataset.SOPInstanceUID = kind, "1.2.3"
        if pixels:
            dataset.Rows = dataset.Columns = 64
            dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.NumberOfFrames = 1, "MONOCHROME2", 3
            dataset.BitsAllocated = dataset.BitsStored = 8
            dataset.HighBit, dataset.PixelRepresentation = 7, 0
            dataset.PixelData = bytes(3 * 64 * 64)
        for name, value in changes.items():
            setattr(dataset, name, value)
        dataset.save_as(path, enforce_file_format=True)
        path.write_bytes(path.read_bytes()[:keep])
        return path

    return make


def damaged_folder(folder: Path) -> Path:
    images = folder / "images"
    images.mkdir()
    cv2.imwrite(str(images / "1.png"), np.full((64, 64), 90, np.uint8))
    (images / "2.png").write_bytes(b"no image")
    return images


RECORDS: dict[str, Make] = {
    "absent": lambda folder: folder / "r",
    "a folder": lambda folder: folder,
    "a name too long": lambda folder: folder / ("r" * 300),
    "an empty header": put("r.hea", b""),
    "random bytes": put("r.hea", RUBBISH),
    "a folder for a header": empty_folder("r.hea"),
    "a header cut short": cut(".hea", 20),
    "no samples": cut(".dat", 0),
    "fewer samples": cut(".dat", 4999),
    "a rate of 0": header((" 250 ", " 0 ")),
    "a rate of 99": header((" 250 ", " 99 ")),
    "a rate of 2001": header((" 250 ", " 2001 ")),
    "a rate of nan": header((" 250 ", " nan ")),
    "a rate of 1e9": header((" 250 ", " 1e9 ")),
    "a negative rate": header((" 250 ", " -250 ")),
    "more samples stated": header((" 2500", " 9000")),
    "no samples stated": header((" 2500", " 0")),
    "an unknown unit": header(("/mV", "/furlong")),
    "an unknown format": header(("r.dat 16", "r.dat 999")),
    "another signal file": header(("r.dat", "s.dat")),
}


INPUTS: dict[str, Make] = {
    "absent": lambda folder: folder / "run.dcm",
    "a name too long": lambda folder: folder / ("r" * 300 + ".mp4"),
    "an empty DICOM file": put("run.dcm", b""),
    "a text": put("run.dcm", b"this is a text"),
    "rubbish behind a DICOM mark": put("run.dcm", bytes(128) + b"DICM" + RUBBISH),
    "a DICOM header cut short": dicom(keep=200),
    "DICOM pixels cut short": dicom(keep=-1),
    "an ECG in DICOM": dicom(pixels=False),
    "more frames stated": dicom(NumberOfFrames=5),
    "2147483647 frames stated": dicom(NumberOfFrames=2**31 - 1),
    "no rows": dicom(Rows=0),
    "a palette": dicom(PhotometricInterpretation="PALETTE COLOR"),
    "a text for a video": put("run.mp4", b"this is a text"),
    "an empty video": put("run.avi", b""),
    "an empty folder": empty_folder("images"),
    "a folder with a damaged image": damaged_folder,
    "a text for an image": put("run.png", b"this is a text"),
    "another file": put("run.xyz", RUBBISH),
}


def heartwire(*arguments: object, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["heartwire", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def refused(said: str) -> None:
    (line,) = said.splitlines()
    assert line.startswith("heartwire: ")
    assert len(line) < 1000


@pytest.mark.parametrize("make", RECORDS.values(), ids=RECORDS)
def test_a_wrong_record_is_one_line_and_leaves_nothing(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert heartwire("annotate", make(tmp_path), "--out", out, monkeypatch=monkeypatch) == 2
    refused(capfd.readouterr().err)
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS)
def test_a_wrong_picture_is_one_line_and_leaves_nothing(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert heartwire("localise", make(tmp_path), "--out", out, "--overlay", monkeypatch=monkeypatch) == 2
    refused(capfd.readouterr().err)
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.parametrize("n_leads", [1, 12, 14])
@pytest.mark.parametrize("fill", [np.nan, 0.0], ids=["nan", "flat"])
def test_signals_that_carry_nothing_are_analysed_and_warned_of(
    n_leads: int, fill: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path, signal=np.full((2500, n_leads), fill))
    out = tmp_path / "out"
    assert heartwire("annotate", path, "--out", out, monkeypatch=monkeypatch) == 0
    assert capfd.readouterr().err == ""
    assert b"LEAD_OFF" in (out / "r.warnings.jsonl").read_bytes()


@pytest.mark.parametrize("name", ["r.hw", "r.warnings.jsonl"])
def test_results_that_cannot_be_written_are_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path)
    (tmp_path / "out" / name).mkdir(parents=True)
    assert heartwire("annotate", path, "--out", tmp_path / "out", monkeypatch=monkeypatch) == 2
    refused(capfd.readouterr().err)
    (tmp_path / "file").touch()
    assert heartwire("annotate", path, "--out", tmp_path / "file", monkeypatch=monkeypatch) == 2
    refused(capfd.readouterr().err)


@pytest.mark.parametrize("annotator", ["dat", "hea"])
def test_a_recording_is_never_overwritten(
    annotator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    options = ("--out", tmp_path, "--annotator", annotator)
    assert heartwire("annotate", path, *options, monkeypatch=monkeypatch) == 2
    refused(capfd.readouterr().err)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_images_of_any_sizes_are_one_sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number, size in enumerate([(64, 64), (100, 70), (1, 1), (3, 500)]):
        cv2.imwrite(str(images / f"{number}.png"), np.full(size, 90, np.uint8))
    out = tmp_path / "out"
    assert heartwire("localise", images, "--out", out, "--overlay", monkeypatch=monkeypatch) == 0
    assert len((out / "images.fixes.jsonl").read_text().splitlines()) == 4


S = 'id = "a/ecg"\nsource = { kind = "wfdb", record = "r" }\n'


@pytest.mark.parametrize(
    "text",
    [
        "", "\x01{{", "[[stream]]\n" + S + "zz = 1\n", "zz = 1\n[[stream]]\n" + S, ("[[stream]]\n" + S) * 2,
        "[[stream]]\n" + S + "[[stream]]\n" + S.replace("a/ecg", "a-ecg"),
        "[[stream]]\n" + S.replace("a/ecg", "a" * 130), "[[stream]]\n" + S + 'worker = "../x"\n',
        '[[stream]]\nid = "a/ecg"\nconnect = "nonsense"\n', '[[stream]]\nid = "a/ecg"\nconnect = "tcp://h:65535"\n',
        "[engine]\nsnapshot_s = inf\n[[stream]]\n" + S, "[dashboard]\nport = 70000\n[[stream]]\n" + S,
        "[[stream]]\n" + S + '[[sink]]\nkind = "wfdb"\nout = "o"\n' * 2,
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_one_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = put("ward.toml", text.encode())(tmp_path)
    for command in ("check", "run"):
        assert heartwire(command, path, monkeypatch=monkeypatch) == 2
        refused(capfd.readouterr().err)
