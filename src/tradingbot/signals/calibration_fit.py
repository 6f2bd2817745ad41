"""Fit of the ensemble's calibration to what happened: Platt scaling by Newton's method, and how good it is. Pure.

J. Platt, "Probabilistic outputs for support vector machines", 1999; a normal prior (ridge) keeps few samples from
saying much. Errors are robust against samples that overlap in time (A. Cameron, D. Miller, J. Human Resources 50(2),
2015).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradingbot.market.candles import FloatArray

IntArray = NDArray[np.int64]
MAX_STEPS = 50
TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class PlattFit:
    """Slope and intercept of p = 1 / (1 + exp(-(slope x raw_logit + intercept))) with their standard errors.

    `samples` pairs in `clusters` independent groups; `converged` is false when Newton's method did not settle.
    """

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float
    samples: int
    clusters: int
    converged: bool

    def probability(self, raw_logit: ArrayLike) -> FloatArray:
        """Calibrated probabilities of pooled log odds."""
        return _sigmoid(self.slope * np.asarray(raw_logit, dtype=np.float64) + self.intercept)


@dataclass(frozen=True, slots=True)
class ReliabilityRow:
    """One bin of predicted probability: how many, what was predicted on average, how often it went up."""

    low: float
    high: float
    count: int
    predicted: float
    observed: float


def fit_platt(
    raw_logit: ArrayLike,
    went_up: ArrayLike,
    *,
    prior_slope: float = 0.0,
    ridge: float = 10.0,
    clusters: ArrayLike | None = None,
) -> PlattFit:
    """Slope and intercept that make the pairs most likely, under a normal prior around (`prior_slope`, 0).

    `ridge` is the prior's precision: it weighs as much as information of that size in the data; 0 is no prior.
    `clusters` numbers samples that are not independent of one another (the same time); without it all count as
    independent. Raises ValueError for fewer than two pairs, unequal lengths or numbers that are not finite.
    """
    x, y = np.asarray(raw_logit, dtype=np.float64), np.asarray(went_up, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.shape[0] < 2:
        raise ValueError(f"a fit needs two columns of equal length, at least 2 pairs; got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isin(y, (0.0, 1.0)).all()):
        raise ValueError("raw_logit must be finite and went_up 0 or 1")
    design = np.column_stack((x, np.ones_like(x)))
    groups = np.arange(x.shape[0]) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    prior = np.array([prior_slope, 0.0])
    beta, hessian, converged = _newton(design, y, prior, max(ridge, 1e-9))
    errors = _errors(design, y, beta, hessian, groups.reshape(-1).astype(np.int64))
    return PlattFit(float(beta[0]), float(beta[1]), errors[0], errors[1], x.shape[0], int(groups.max()) + 1, converged)


def _newton(design: FloatArray, y: FloatArray, prior: FloatArray, ridge: float) -> tuple[FloatArray, FloatArray, bool]:
    """(parameters, negative Hessian there, settled); each step is halved until the posterior does not fall."""
    beta = prior.copy()
    value = _log_posterior(design, y, beta, prior, ridge)
    for _ in range(MAX_STEPS):
        hessian = _information(design, beta) + ridge * np.eye(2)
        gradient = design.T @ (y - _sigmoid(design @ beta)) - ridge * (beta - prior)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-8 and _log_posterior(design, y, beta + size * step, prior, ridge) < value:
            size /= 2
        beta = beta + size * step
        value = _log_posterior(design, y, beta, prior, ridge)
        if float(np.abs(size * step).max()) < TOLERANCE:
            return beta, _information(design, beta) + ridge * np.eye(2), True
    return beta, _information(design, beta) + ridge * np.eye(2), False


def _information(design: FloatArray, beta: FloatArray) -> FloatArray:
    p = _sigmoid(design @ beta)
    return np.asarray((design * (p * (1 - p))[:, None]).T @ design)


def _log_posterior(design: FloatArray, y: FloatArray, beta: FloatArray, prior: FloatArray, ridge: float) -> float:
    z = design @ beta
    likelihood = float(np.sum(y * z - np.logaddexp(0.0, z)))
    return likelihood - ridge / 2 * float(np.sum((beta - prior) ** 2))


def _errors(
    design: FloatArray, y: FloatArray, beta: FloatArray, hessian: FloatArray, groups: IntArray
) -> tuple[float, float]:
    """Standard errors: bread of the Hessian around the scores summed by cluster, never below the posterior's own."""
    bread = np.linalg.inv(hessian)
    scores = design * (y - _sigmoid(design @ beta))[:, None]
    summed = np.zeros((int(groups.max()) + 1, 2))
    np.add.at(summed, groups, scores)
    robust = bread @ (summed.T @ summed) @ bread
    variance = np.maximum(np.diag(robust), np.diag(bread))
    return math.sqrt(float(variance[0])), math.sqrt(float(variance[1]))


def brier(probability: ArrayLike, went_up: ArrayLike) -> float:
    """Mean squared distance of probability and outcome: 0.25 for always one half, 0 for a prophet."""
    apart = np.asarray(probability, dtype=np.float64) - np.asarray(went_up, dtype=np.float64)
    return float(np.mean(apart * apart))


def reliability(probability: ArrayLike, went_up: ArrayLike, bins: int = 10) -> tuple[ReliabilityRow, ...]:
    """Predicted against observed in bins of equal count, lowest first; empty bins are left out."""
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(went_up, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    return tuple(
        ReliabilityRow(
            float(p[part].min()), float(p[part].max()), int(part.size), float(p[part].mean()), float(y[part].mean())
        )
        for part in np.array_split(order, bins)
        if part.size
    )


def _sigmoid(z: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(z / 2)), dtype=np.float64)
