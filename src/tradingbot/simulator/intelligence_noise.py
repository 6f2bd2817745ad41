"""Numbers that look random and are functions of a seed, a name and a step: nothing has to be drawn in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.scan import FloatArray

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_SALT: Final = np.uint64(0xD6E8FEB86659FD93)
_KEPT: Final = 65_536

Steps = NDArray[np.int64]


class Noise:
    """Independent noise for every name. The same seed, name and step give the same number on every machine."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def normals(self, name: str, steps: Steps | int) -> FloatArray:
        """Standard normal numbers, one per step."""
        return _normals(_key(self._seed, name), np.asarray(steps, dtype=np.int64))

    def row(self, names: Sequence[str], step: int) -> FloatArray:
        """Standard normal numbers, one per name, at one step; not to be changed, others are given the same."""
        return _row(self._seed, tuple(names), step)

    def uniforms(self, name: str, steps: Steps | int) -> FloatArray:
        """Numbers in (0, 1), one per step."""
        return _uniforms(_key(self._seed, name), np.asarray(steps, dtype=np.int64), np.uint64(0))

    def wave(self, name: str, at_ms: Steps | int, period_ms: int) -> FloatArray:
        """A smooth curve of unit size through a random point per period."""
        steps, rest = np.divmod(np.asarray(at_ms, dtype=np.int64), period_ms)
        share = rest / period_ms
        blend = share * share * (3.0 - 2.0 * share)
        curve: FloatArray = self.normals(name, steps) * (1.0 - blend) + self.normals(name, steps + 1) * blend
        return curve

    def wave_row(self, names: Sequence[str], at_ms: int, period_ms: int) -> FloatArray:
        """`wave` of several names at one moment."""
        step, rest = divmod(at_ms, period_ms)
        share = rest / period_ms
        blend = share * share * (3.0 - 2.0 * share)
        return self.row(names, step) * (1.0 - blend) + self.row(names, step + 1) * blend

    def generator(self, name: str, step: int) -> np.random.Generator:
        """A generator of its own for one name and step."""
        return np.random.default_rng([int(_key(self._seed, name)), step & 0xFFFFFFFFFFFF])


@lru_cache(maxsize=_KEPT)
def _key(seed: int, name: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "little"))


@lru_cache(maxsize=1024)
def _keys(seed: int, names: tuple[str, ...]) -> NDArray[np.uint64]:
    return np.array([_key(seed, name) for name in names], dtype=np.uint64)


@lru_cache(maxsize=4096)
def _row(seed: int, names: tuple[str, ...], step: int) -> FloatArray:
    """Steps are hours and days: the same rows are asked for many times."""
    row = _normals(_keys(seed, names), np.asarray(step, dtype=np.int64))
    row.setflags(write=False)
    return row


def _uniforms(key: np.uint64 | NDArray[np.uint64], steps: Steps, salt: np.uint64) -> FloatArray:
    with np.errstate(over="ignore"):
        mixed = np.asarray(steps.astype(np.uint64) * _GOLDEN + key + salt)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        mixed = mixed ^ (mixed >> np.uint64(31))
    values: FloatArray = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / 9_007_199_254_740_992.0
    return values


def _normals(key: np.uint64 | NDArray[np.uint64], steps: Steps) -> FloatArray:
    radius = np.sqrt(-2.0 * np.log(_uniforms(key, steps, np.uint64(0))))
    values: FloatArray = radius * np.cos(2.0 * np.pi * _uniforms(key, steps, _SALT))
    return values
