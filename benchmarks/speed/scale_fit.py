"""How a cost grows: y = c x^exponent, fitted by least squares to the logarithms. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import t as students_t

from benchmarks.speed.paired import CONFIDENCE

LEAST_POINTS = 3


class Fit(BaseModel):
    """An exponent with its 95 % interval (Student's t, of the residuals around the line).

    The interval says how well one power law describes these points; a narrow one around a cost with
    a constant part is still no more than the mean growth within their range.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    exponent: float
    low: float
    high: float
    factor: float
    """The fitted y at x = 1."""
    points: int

    @classmethod
    def of(cls, x: Sequence[float], y: Sequence[float]) -> Self:
        """Raises `ValueError` for fewer than three points, or values that are not above zero."""
        if len(x) < LEAST_POINTS or min(*x, *y) <= 0:
            raise ValueError(f"a power law needs {LEAST_POINTS} points above zero: {x}, {y}")
        log_x, log_y = np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float))
        centred = log_x - log_x.mean()
        spread = float(centred @ centred)
        exponent = float(centred @ log_y) / spread
        constant = float(log_y.mean() - exponent * log_x.mean())
        residuals = log_y - constant - exponent * log_x
        free = len(x) - 2
        error = float(residuals @ residuals / free / spread) ** 0.5
        half = float(students_t.ppf((1 + CONFIDENCE) / 2, free)) * error
        values = (exponent, exponent - half, exponent + half)
        low_to_high = dict(zip(("exponent", "low", "high"), map(_short, values), strict=True))
        return cls(**low_to_high, factor=float(f"{np.exp(constant):.4g}"), points=len(x))


def _short(value: float) -> float:
    return round(value, 4) + 0.0  # no negative zero
