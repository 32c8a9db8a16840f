"""Takes the pictures of the documentation from a real run: `python docs/pictures/make.py [PICTURE ...]`.

Needs Chromium (Debian: `apt-get install chromium`). Each picture is what the page of `heartwire demo` looks like once
it shows what the picture is about; nothing is drawn afterwards.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from browser import Browser

HERE = Path(__file__).parent
LARGEST_BYTES = 400_000
_ON = '.banner[data-change="on"]'
_VT = f"""[...document.querySelectorAll('.bed {_ON}')].some((banner) => banner.textContent.includes("VT"))"""
_TIP = """document.querySelector('.lab[data-overlay="shown"] .tip[data-seen="true"]')"""
_BEDS = """document.querySelectorAll(".bed").length"""
_VF = f"""document.querySelector('.bed-head {_ON}')?.textContent.includes("VF")"""
_BED = """document.querySelector(".bed-head")"""
_STAGES = """document.querySelectorAll(".chart").length > 20"""


class Picture(NamedTuple):
    """One picture: the window it is taken in, the view, and what must be on the page."""

    width: int
    height: int
    view: str
    shows: tuple[str, ...]
    light: bool = False


PICTURES = {
    "dashboard": Picture(1480, 880, "#/", (_BEDS, _VT)),
    "dashboard-light": Picture(1480, 880, "#/", (_BEDS,), light=True),
    "dashboard-phone": Picture(400, 860, "#/bed/bed-1/ecg", (_BED,)),
    "bed": Picture(1480, 880, "#/bed/bed-3/ecg", (_BED, _VF)),
    "navigation": Picture(1480, 880, "#/lab/lab-1/xray", (_TIP,)),
    "engine": Picture(1480, 880, "#/engine", (_STAGES,)),
}


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo and give the address of its page."""
    command = [sys.executable, "-P", "-m", "heartwire", "demo", "--seconds", "0", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"dashboard: (http://\S+)", line):
                yield found[1]
                return
        msg = "the demo ended before its page was there"
        raise RuntimeError(msg)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def take(url: str, name: str, picture: Picture) -> None:
    """Take one picture.

    Raises
    ------
    RuntimeError
        If the page complained, or the picture is too large for a README.
    """
    path = HERE / f"{name}.png"
    with Browser(picture.width, picture.height, light=picture.light) as browser:
        browser.open(url + picture.view)
        for expression in picture.shows:
            browser.wait_for(expression, timeout_s=120)
        time.sleep(4)  # the sweep fills with what the picture is about
        browser.wait_for(picture.shows[-1])
        browser.picture(path)
        if browser.complaints:
            raise RuntimeError(browser.complaints[0])
    if path.stat().st_size > LARGEST_BYTES:
        msg = f"{path.name} has {path.stat().st_size} bytes, over {LARGEST_BYTES}"
        raise RuntimeError(msg)


def main() -> None:
    """Take the pictures named on the command line, or all."""
    with demo() as url:
        for name in sys.argv[1:] or PICTURES:
            take(url, name, PICTURES[name])


if __name__ == "__main__":
    main()
