"""Market intelligence of a simulated market: what a data service would tell of it, at any moment, from the past alone.

Everything is a function of the market, the seed and the moment asked for: the same question gives the same answer, in
any order. Nothing reads the market at or after that moment less the publication delay. `warm` reads the past once.
"""

from __future__ import annotations

from tradingbot.simulator.coinglass_params import PublicationDelays
from tradingbot.simulator.intelligence_columns import DAY_MS
from tradingbot.simulator.intelligence_crowd import Crowd
from tradingbot.simulator.intelligence_flows import HOLDINGS, Flows
from tradingbot.simulator.intelligence_futures import Futures
from tradingbot.simulator.intelligence_mood import Mood
from tradingbot.simulator.intelligence_noise import Noise
from tradingbot.simulator.intelligence_options import Options
from tradingbot.simulator.intelligence_scale import RECORDED_SCALE, SYNTHETIC_SCALE
from tradingbot.simulator.intelligence_smile import Smiles
from tradingbot.simulator.intelligence_tables import Tables
from tradingbot.simulator.intelligence_transfers import Transfers
from tradingbot.simulator.intelligence_world import DERIVED, SYNTHETIC, Recordings, World
from tradingbot.simulator.market_feed import MarketFeed


class MarketIntelligence:
    """The parts, over one market: a recording when `recorded`, with what else was recorded in `recordings`."""

    def __init__(
        self,
        feed: MarketFeed,
        seed: int,
        delays: PublicationDelays | None = None,
        recordings: Recordings | None = None,
        *,
        recorded: bool = False,
    ) -> None:
        self.world = World(
            Tables(feed, moving_interest=recorded),
            Noise(seed),
            RECORDED_SCALE if recorded else SYNTHETIC_SCALE,
            DERIVED if recorded else SYNTHETIC,
            delays or PublicationDelays(),
            recordings or Recordings(),
        )
        self.futures = Futures(self.world)
        self.crowd = Crowd(self.world)
        self.flows = Flows(self.world)
        self.transfers = Transfers(self.world, self.flows)
        self.mood = Mood(self.world)
        self.options = Options(self.world, self.crowd)
        self.smiles = Smiles(self.world, self.mood)

    def warm(self, now_ms: int) -> None:
        """Read the market's past up to now, so that the first questions are as quick as the later ones."""
        self.world.tables.warm(now_ms)
        self.mood.fear_greed(now_ms)
        assets = set(self.world.tables.assets)
        for coin in assets & set(HOLDINGS):
            self.flows.chart(coin, now_ms)
        for token in assets & set(self.transfers.tokens()):
            self.transfers.on_exchanges(token, now_ms - DAY_MS, now_ms, 0.0)
