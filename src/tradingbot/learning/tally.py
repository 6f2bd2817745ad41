"""Counts that may be parts of a whole: what was carried over from another venue weighs less than it did there."""

from __future__ import annotations

Tally = int | float
"""A count of trades. Whole, unless some of them were made at another venue and weigh a share of one each."""
