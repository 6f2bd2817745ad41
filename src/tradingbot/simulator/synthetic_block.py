"""One day of the synthetic market: from the state at midnight and the day's own random numbers to its bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

import numpy as np

from tradingbot.simulator.scan import FloatArray, decay, recursion, shifted, stationary
from tradingbot.simulator.synthetic_moods import Moods, MoodState, first_moods, moods_of_day
from tradingbot.simulator.synthetic_profiles import (
    BTC_MINUTE_VOLATILITY,
    HOUR_VOLATILITY,
    LEVERAGE,
    PROFILES,
    SHARED_VOLATILITY,
    VOLATILITY_MINUTES,
    VOLATILITY_WEIGHTS,
    WEEKEND_VOLATILITY,
)

DAY_MINUTES: Final = 1440
FIELDS: Final = (
    "open", "high", "low", "close", "volume_base", "buy_fraction", "premium", "open_interest_base",
    "spread_bps", "depth_usd", "long_liquidations_usd", "short_liquidations_usd",
)  # fmt: skip
"""Columns of a block's bars, in the order of `MinuteBar`'s fields after `open_ms`."""

_TAIL_FREEDOM: Final = 5.0
_FLOW_MINUTES: Final = 5.0
_FLOW_PUSH: Final = 0.07
_REVERSION_MINUTES: Final = 5.0
_LAG_SHARES: Final = np.array([0.28, 0.15, 0.07])


@dataclass(frozen=True, slots=True)
class BlockState:
    """Everything that goes over midnight. Arrays have one entry per asset, or one per asset and scale."""

    log_price: FloatArray
    volatility: FloatArray
    shock: FloatArray
    elastic: FloatArray
    flow: FloatArray
    activity: FloatArray
    premium: FloatArray
    momentum: FloatArray
    slide: FloatArray
    interest: FloatArray
    lagged: FloatArray
    moods: MoodState


State = TypeVar("State", BlockState, MoodState)


@dataclass(frozen=True, slots=True)
class Block:
    """Bars of one day, shape (1440, assets, fields), and the regime of each minute."""

    bars: FloatArray
    regimes: tuple[str, ...]


def _on_its_own(state: State) -> State:
    """The state with arrays of its own: one that is the end of a day's array would keep all of that in memory."""
    values: dict[str, Any] = {one.name: getattr(state, one.name) for one in fields(state)}
    own: dict[str, Any] = {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}
    return replace(state, **own)


class BlockMaker:
    """Makes any day of a market, given its state at midnight. `volatility` scales all moves."""

    def __init__(self, seed: int, assets: Sequence[str], volatility: float) -> None:
        profiles = [PROFILES[asset] for asset in assets]
        self._seed = seed
        self._count = len(profiles)
        self._is_btc = np.array([asset == "BTC" for asset in assets])
        self._price = np.array([profile.price_usd for profile in profiles])
        self._sigma = np.array([profile.volatility for profile in profiles]) * BTC_MINUTE_VOLATILITY * volatility
        self._btc_load = np.array([profile.btc_load for profile in profiles])
        self._alt_load = np.array([profile.alt_load for profile in profiles])
        self._own_load = np.sqrt(np.maximum(0.0, 1.0 - self._btc_load**2 - self._alt_load**2))
        self._volume_minute = np.array([profile.volume_24h_usd for profile in profiles]) / DAY_MINUTES
        self._interest = np.array([profile.open_interest_usd for profile in profiles])
        self._spread = np.array([profile.spread_bps for profile in profiles])
        self._depth = np.array([profile.depth_usd for profile in profiles])
        self._digits = (6 - np.ceil(np.log10(self._price))).astype(int).clip(0)

    def first_state(self) -> BlockState:
        """The state before the first day, drawn from the long-run distribution where there is one."""
        random = np.random.default_rng([self._seed, 0])
        count, scales = self._count, len(VOLATILITY_MINUTES)
        none = np.zeros(count)
        return BlockState(
            log_price=np.log(self._price),
            volatility=random.standard_normal(scales * (count + 1)),
            shock=none[:1],
            elastic=np.zeros(count + 1),
            flow=random.standard_normal(count),
            activity=random.standard_normal(count),
            premium=random.standard_normal(count),
            momentum=none,
            slide=np.zeros(2 * count),
            interest=none,
            lagged=np.zeros((3, 1)),
            moods=first_moods(),
        )

    def make(self, day: int, weekday: int, state: BlockState) -> tuple[Block, BlockState]:
        """Day number `day` (from 0) and the state after it. The same arguments give the same day, always."""
        random = np.random.default_rng([self._seed, 1 + day])
        moods, mood_state = moods_of_day(random, DAY_MINUTES, state.moods)
        shocks = self._shocks(random)
        level, volatility = self._log_volatility(random, moods, weekday, shocks, state)
        flow = stationary(random.standard_normal((DAY_MINUTES, self._count)), decay(_FLOW_MINUTES), state.flow)
        returns, elastic, lagged = self._returns(shocks, level, moods, flow, state)
        log_close = state.log_price + np.cumsum(returns, axis=0)
        bars, ends = self._bars(random, moods, level, returns, log_close, flow, state)
        after = BlockState(
            log_price=log_close[-1],
            volatility=volatility,
            shock=shocks[-1, :1],
            elastic=elastic,
            flow=flow[-1],
            lagged=lagged,
            moods=_on_its_own(mood_state),
            **ends,
        )
        return Block(bars, moods.names), _on_its_own(after)

    def _shocks(self, random: np.random.Generator) -> FloatArray:
        """Fat-tailed shocks of unit variance: BTC, the alt factor, then every asset's own; now and then a jump."""
        shape = (DAY_MINUTES, self._count + 2)
        scale = np.sqrt((_TAIL_FREEDOM - 2.0) / _TAIL_FREEDOM)
        shocks: FloatArray = random.standard_t(_TAIL_FREEDOM, shape) * scale
        jumps = random.random(shape) < 0.3 / DAY_MINUTES
        shocks += jumps * random.standard_normal(shape) * 12.0
        return shocks

    def _log_volatility(
        self, random: np.random.Generator, moods: Moods, weekday: int, shocks: FloatArray, state: BlockState
    ) -> tuple[FloatArray, FloatArray]:
        """Volatility of each asset and minute as a multiple of its own average; and the scales' last values."""
        count, scales = self._count, len(VOLATILITY_MINUTES)
        noise = random.standard_normal((DAY_MINUTES, scales, count + 1))
        fall = shifted(shocks[:, :1], state.shock)[:, 0]
        noise[:, 0, 0] = LEVERAGE * fall + np.sqrt(1.0 - LEVERAGE**2) * noise[:, 0, 0]
        keep = np.repeat(decay(np.array(VOLATILITY_MINUTES)), count + 1)
        factors = stationary(noise.reshape(DAY_MINUTES, -1), keep, state.volatility)
        weights = np.array(VOLATILITY_WEIGHTS)
        by_scale = np.tensordot(factors.reshape(DAY_MINUTES, scales, count + 1), weights, axes=(1, 0))
        shared = np.sqrt(SHARED_VOLATILITY) * by_scale[:, :1]
        own = np.sqrt(1.0 - SHARED_VOLATILITY) * by_scale[:, 1:]
        calendar = np.repeat(np.log(HOUR_VOLATILITY), 60)[:, None]
        calendar = calendar + (np.log(WEEKEND_VOLATILITY) if weekday >= 5 else 0.0)
        level = shared + own - float(weights @ weights) + calendar + np.log(moods.volatility)[:, None]
        return np.exp(level.clip(-2.5, 2.2)), factors[-1]

    def _returns(
        self,
        shocks: FloatArray,
        level: FloatArray,
        moods: Moods,
        flow: FloatArray,
        state: BlockState,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Log returns: trend, common and own shocks, alts sometimes late behind BTC, order flow, forced trading."""
        elastic_noise = np.concatenate([shocks[:, :1], shocks[:, 2:]], axis=1)
        reversion = moods.reversion[:, None]
        elastic = recursion(elastic_noise * reversion, decay(_REVERSION_MINUTES), state.elastic)
        pull = np.diff(elastic, axis=0, prepend=state.elastic[None, :])
        steady = np.sqrt(1.0 - 0.5 * reversion**2)
        market = steady * shocks[:, :1] + pull[:, :1] * 0.6 + moods.drift[:, None]
        lags = np.concatenate([state.lagged, market])
        late = moods.lag[:, None] * _LAG_SHARES.sum()
        followed = (1.0 - late) * market + moods.lag[:, None] * sum(
            share * lags[2 - place : DAY_MINUTES + 2 - place] for place, share in enumerate(_LAG_SHARES)
        )
        own = steady * shocks[:, 2:] + pull[:, 1:] * 0.6
        mixed = np.where(
            self._is_btc,
            market,
            self._btc_load * followed + self._alt_load * shocks[:, 1:2] + self._own_load * own,
        )
        forced = moods.forced[:, None] * (0.6 + 0.4 * self._btc_load)
        pushed = _FLOW_PUSH * shifted(flow, state.flow)
        returns = self._sigma * (level * (mixed + pushed) + forced)
        return returns.clip(-0.12, 0.12), elastic[-1], lags[-3:]

    def _bars(
        self,
        random: np.random.Generator,
        moods: Moods,
        level: FloatArray,
        returns: FloatArray,
        log_close: FloatArray,
        flow: FloatArray,
        state: BlockState,
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        size = (DAY_MINUTES, self._count)
        log_open = shifted(log_close, state.log_price)
        surprise = returns / self._sigma
        high, low = self._extremes(random, returns, level)
        activity = stationary(random.standard_normal(size), decay(45.0), state.activity)
        volume_usd = self._volume(random, level, surprise, activity)
        close = np.exp(log_close)
        premium, premium_noise, momentum = self._premium(random, surprise, state)
        longs, shorts, slide = self._liquidated(random, returns, state)
        drive = 0.0008 * np.abs(moods.drift)[:, None] / 0.05 + 0.0009 * random.standard_normal(size)
        interest = recursion(drive - longs - shorts, decay(2_000.0), state.interest)
        interest_usd = self._interest * np.exp(interest.clip(-1.5, 1.5))
        strain = level * (1.0 + 0.25 * np.abs(surprise).clip(0, 8))
        bars = np.empty((DAY_MINUTES, self._count, len(FIELDS)))
        columns = (
            np.exp(log_open),
            np.exp(log_open + high),
            np.exp(log_open - low),
            close,
            volume_usd / close,
            0.5 + 0.45 * np.tanh(0.28 * flow + 0.42 * surprise / level + 0.15 * random.standard_normal(size)),
            premium,
            interest_usd / self._price,
            (self._spread * strain**0.7).clip(0.2, 80.0),
            self._depth * strain**-0.6 * np.exp(0.15 * activity),
            longs * interest_usd,
            shorts * interest_usd,
        )
        for place, column in enumerate(columns):
            bars[:, :, place] = column
        self._round(bars)
        ends = {
            "activity": activity[-1],
            "premium": premium_noise,
            "momentum": momentum,
            "slide": slide,
            "interest": interest[-1],
        }
        return bars, ends

    def _extremes(
        self, random: np.random.Generator, returns: FloatArray, level: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """How far above and below its open each minute went: extremes of a bridge between open and close."""
        spread = np.square(0.80 * self._sigma * level)
        above = random.standard_exponential(returns.shape) * 2.0 * spread
        below = random.standard_exponential(returns.shape) * 2.0 * spread
        square = np.square(returns)
        return (np.sqrt(square + above) + returns) / 2.0, (np.sqrt(square + below) - returns) / 2.0

    def _volume(
        self, random: np.random.Generator, level: FloatArray, surprise: FloatArray, activity: FloatArray
    ) -> FloatArray:
        """Volume follows volatility and the size of the minute's own move, and has moods of its own."""
        noise = 0.40 * random.standard_normal(level.shape) + 0.35 * activity
        burst = (0.45 + 0.55 * np.abs(surprise / level).clip(0, 12)) * level**1.15
        return self._volume_minute * 0.72 * burst * np.exp(noise)

    def _premium(
        self, random: np.random.Generator, surprise: FloatArray, state: BlockState
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The perpetual trades rich after rises and cheap after falls: crowding on the scale of half a day."""
        noise = stationary(random.standard_normal(surprise.shape), decay(90.0), state.premium)
        momentum = recursion(surprise, decay(600.0), state.momentum)
        crowd = momentum / np.sqrt(600.0)
        premium = 0.00008 + 0.00030 * np.tanh(0.7 * crowd) + 0.00008 * crowd + 0.00012 * noise
        return premium.clip(-0.004, 0.004), noise[-1], momentum[-1]

    def _liquidated(
        self, random: np.random.Generator, returns: FloatArray, state: BlockState
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Shares of open interest that are closed by force in each minute: longs in falls, shorts in rises."""
        adverse = np.concatenate([-returns, returns], axis=1)
        slide = recursion(adverse, decay(20.0), state.slide)
        here, lately = adverse.clip(0.0) * 100.0, slide.clip(0.0) * 100.0
        luck = np.exp(0.9 * random.standard_normal(adverse.shape) - 0.4) * (random.random(adverse.shape) < 0.55)
        share = (0.006 * here**1.4 * (0.3 + lately) * luck).clip(0.0, 0.08)
        return share[:, : self._count], share[:, self._count :], slide[-1]

    def _round(self, bars: FloatArray) -> None:
        """Prices as a venue would print them, so that differences in the last bit between machines vanish."""
        for place, digits in enumerate(self._digits):
            bars[:, place, :4] = np.round(bars[:, place, :4], int(digits))
            bars[:, place, 4] = np.round(bars[:, place, 4], max(0, 8 - int(digits)))
        np.round(bars[:, :, 5:7], 6, out=bars[:, :, 5:7])
        np.round(bars[:, :, 7:], 2, out=bars[:, :, 7:])
