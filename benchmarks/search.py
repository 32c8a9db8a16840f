"""The largest number that still meets a target, found by doubling and then by halving what is left."""

from __future__ import annotations

from collections.abc import Callable


def largest(meets: Callable[[int], bool], *, start: int, limit: int, tolerance: float = 0.05) -> int:
    """Search.

    Parameters
    ----------
    meets
        Tries a number; taken to hold up to some number and not beyond it. No number is tried twice.
    start
        The first one tried.
    limit
        The largest one tried.
    tolerance
        The answer is at most this part of itself (or 1) below the true one.

    Returns
    -------
    int
        The largest number that met the target when tried; 0 where not even 1 did.
    """
    met, failed = 0, 0
    number = min(start, limit)
    while not failed and met < limit:
        if meets(number):
            met, number = number, min(2 * number, limit)
        else:
            failed = number
    while failed - met > max(1.0, tolerance * met):
        middle = (met + failed) // 2
        if meets(middle):
            met = middle
        else:
            failed = middle
    return met
