"""Whether a video is whole, where fewer frames come out of it than it states."""

from __future__ import annotations

import subprocess

import imageio_ffmpeg


def decodes_cleanly(path: str) -> bool:
    """Tell whether FFmpeg decodes a video to its end without a complaint.

    Clips that were trimmed without coding them anew state the frames before the cut too, and recorders that left frames
    out count those: nothing is missing of either.
    """
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-nostdin",
        "-i",
        path,
        "-map",
        "0:v:0",
        "-f",
        "null",
        "-",
    ]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    return done.returncode == 0 and not done.stderr.strip()
