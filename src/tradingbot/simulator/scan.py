"""First-order recursions over whole columns at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_CHUNK = 40


def decay(minutes: float | FloatArray) -> float | FloatArray:
    """What is left after one minute of something with this time constant."""
    return np.exp(-1.0 / np.asarray(minutes, dtype=np.float64))


def recursion(inputs: FloatArray, keep: float | FloatArray, before: FloatArray) -> FloatArray:
    """``y[t] = keep * y[t - 1] + inputs[t]`` down each column, with `before` as y[-1].

    `inputs` has the shape (minutes, columns), a number of minutes that 40 divides; `keep` is one number or one per
    column. Done in chunks side by side, which are then joined: two short loops instead of one long.
    """
    minutes, columns = inputs.shape
    chunks = minutes // _CHUNK
    result = np.array(inputs, dtype=np.float64).reshape(chunks, _CHUNK, columns)
    for step in range(1, _CHUNK):
        result[:, step] += keep * result[:, step - 1]
    fading = np.power(np.broadcast_to(keep, (columns,)), np.arange(1, _CHUNK + 1)[:, None])
    carried = before
    for chunk in range(chunks):
        result[chunk] += fading * carried
        carried = result[chunk, -1]
    return result.reshape(minutes, columns)


def stationary(inputs: FloatArray, keep: float | FloatArray, before: FloatArray) -> FloatArray:
    """A recursion whose unit-variance inputs give unit-variance outputs in the long run."""
    return recursion(inputs * np.sqrt(1.0 - np.square(keep)), keep, before)


def shifted(columns: FloatArray, before: FloatArray) -> FloatArray:
    """Each column one minute later; `before` is its first row."""
    return np.concatenate([before[None, :], columns[:-1]])
