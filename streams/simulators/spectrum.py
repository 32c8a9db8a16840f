"""The X-ray beam in five energies: what a thickness of water, bone, metal or contrast agent takes out of it.

Attenuation coefficients are mass coefficients times density, rounded, of the NIST tables (J. H. Hubbell and S. M.
Seltzer, NISTIR 5632) at 40, 50, 60, 80 and 100 keV.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]

ENERGIES_KEV = np.array([40.0, 50.0, 60.0, 80.0, 100.0])
PER_CM = {
    "water": np.array([0.268, 0.227, 0.206, 0.184, 0.171]),
    "bone": np.array([1.278, 0.814, 0.604, 0.428, 0.356]),
    "steel": np.array([28.6, 15.4, 9.49, 4.69, 2.93]),
    "platinum": np.array([267.0, 149.0, 93.1, 187.0, 107.0]),
    "iodine": np.array([7.7, 4.3, 2.7, 1.23, 0.68]),
}
"""Linear attenuation in 1/cm; `iodine` is contrast agent with 350 mg/ml of it."""

_TABLE_STEPS = 512


class Spectrum:
    """A filtered beam, as the share of the detector signal at each energy.

    Parameters
    ----------
    kvp
        Tube voltage, 60 to 120.
    """

    def __init__(self, kvp: float) -> None:
        rise = np.clip((ENERGIES_KEV - 30.0) / 25.0, 0.0, 1.0)
        share = rise * np.clip((kvp - ENERGIES_KEV) / kvp, 0.005, 1.0)
        self._share = share / share.sum()

    def log_attenuation(self, material: str, thickness_cm: FloatArray, behind_water_cm: float = 0.0) -> FloatArray:
        """Give -ln of the transmission through a material for a beam that has passed a depth of water.

        Parameters
        ----------
        material
            A key of `PER_CM`.
        thickness_cm
            0 or more, any shape.
        behind_water_cm
            Water that has already hardened the beam.
        """
        share = self._share * np.exp(-PER_CM["water"] * behind_water_cm)
        share = share / share.sum()
        table_cm = np.linspace(0.0, max(float(np.max(thickness_cm)), 1e-9), _TABLE_STEPS)
        transmitted = np.exp(-np.outer(table_cm, PER_CM[material])) @ share
        return np.asarray(np.interp(thickness_cm, table_cm, -np.log(np.maximum(transmitted, 1e-30))))
