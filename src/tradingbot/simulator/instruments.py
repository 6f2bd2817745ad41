"""The contracts the simulated venue can list, with the specifications of the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tradingbot.core.types import ContractKind


@dataclass(frozen=True, slots=True)
class MarginStep:
    """From `threshold_usd` of position notional on, these fractions apply to the whole position."""

    threshold_usd: Decimal
    initial: Decimal
    maintenance: Decimal


@dataclass(frozen=True, slots=True)
class Instrument:
    """One perpetual. Sizes in contracts (base units for linear, USD for inverse)."""

    symbol: str
    asset: str
    code: str
    kind: ContractKind
    tick: Decimal
    precision: int
    max_position: Decimal
    impact_mid: Decimal
    steps: tuple[MarginStep, ...]
    category: str
    opened: str

    @property
    def inverse(self) -> bool:
        """True for coin-margined contracts of 1 USD."""
        return self.kind is ContractKind.INVERSE

    @property
    def step(self) -> Decimal:
        """Smallest size difference, in contracts."""
        return Decimal(1).scaleb(-self.precision)

    @property
    def wallet(self) -> str:
        """Name of the margin wallet that settles it."""
        return f"fi_{self.symbol[3:].lower()}" if self.inverse else "flex"

    @property
    def currency(self) -> str:
        """Settlement currency: the coin's code for inverse contracts, USD for linear ones."""
        return self.code if self.inverse else "USD"

    @property
    def quantum(self) -> Decimal:
        """Smallest amount that is booked in the settlement currency."""
        return COIN_QUANTUM if self.inverse else USD_QUANTUM

    @property
    def pair(self) -> str:
        """Pair as REST says it, e.g. ``BTC:USD``."""
        return f"{self.asset}:USD"

    @property
    def ws_pair(self) -> str:
        """Pair as the WebSocket ticker says it, e.g. ``XBT:USD``."""
        return f"{self.code}:USD"

    def margin_at(self, notional_usd: Decimal) -> MarginStep:
        """The margin step of a position of this size: the last one whose threshold it reaches."""
        found = self.steps[0]
        for step in self.steps:
            if step.threshold_usd <= notional_usd:
                found = step
        return found

    def notional_usd(self, size: Decimal, price: Decimal) -> Decimal:
        """USD worth of `size` contracts at `price`."""
        return abs(size) if self.inverse else abs(size) * price


USD_QUANTUM: Final = Decimal("1e-8")
COIN_QUANTUM: Final = Decimal("1e-12")

_LADDERS: Final = {
    "XBT": "0:0.01:0.005 1000000:0.02:0.01 3000000:0.04:0.02 6000000:0.1:0.05 15000000:0.2:0.1 40000000:0.5:0.25",
    "ETH": "0:0.02:0.01 2000000:0.04:0.02 5000000:0.1:0.05 10000000:0.2:0.1 20000000:0.3:0.15 40000000:0.5:0.25",
    "A": "0:0.02:0.01 500000:0.04:0.02 2000000:0.1:0.05 5000000:0.2:0.1 10000000:0.3:0.15 30000000:0.5:0.25",
    "B": "0:0.02:0.01 250000:0.04:0.02 500000:0.1:0.05 2000000:0.2:0.1 5000000:0.3:0.15 10000000:0.5:0.25",
    "C": "0:0.05:0.025 100000:0.1:0.05 500000:0.2:0.1 1000000:0.5:0.25",
    "PI_XBT": "0:0.02:0.01 500000:0.04:0.02 1000000:0.06:0.03 3000000:0.1:0.05 6000000:0.15:0.075 "
    "12000000:0.25:0.125 20000000:0.3:0.15 50000000:0.4:0.2",
    "PI_ETH": "0:0.02:0.01 250000:0.04:0.02 500000:0.06:0.03 2000000:0.1:0.05 5000000:0.15:0.075 "
    "8000000:0.25:0.125 15000000:0.3:0.15 30000000:0.4:0.2",
    "PI_LTC": "0:0.02:0.01 250000:0.04:0.02 500000:0.06:0.03 2000000:0.1:0.05 4000000:0.15:0.075",
    "PI_XRP": "0:0.1:0.05 1000000:0.2:0.1",
}

# symbol, asset, tick, size precision, position limit, impact mid size, ladder, category
_ROWS: Final = """
PI_XBTUSD  BTC    0.5      0 75000000     1000  PI_XBT -
PI_ETHUSD  ETH    0.05     0 35000000     1000  PI_ETH -
PI_LTCUSD  LTC    0.01     0 10000000     1000  PI_LTC -
PI_XRPUSD  XRP    0.0001   0 10000000     1000  PI_XRP -
PF_XBTUSD  BTC    1        4 1200         0.01  XBT    Layer_1
PF_ETHUSD  ETH    0.1      3 16000        1.7   ETH    Layer_1
PF_SOLUSD  SOL    0.01     2 250000       30    A      Layer_1
PF_XRPUSD  XRP    0.00001  0 60000000     2000  A      Layer_1
PF_ADAUSD  ADA    0.00001  0 60000000     7100  B      Layer_1
PF_DOTUSD  DOT    0.001    1 3500000      900   B      Layer_1
PF_LINKUSD LINK   0.001    1 1500000      300   B      DeFi
PF_DOGEUSD DOGE   0.00001  0 200000000    20000 A      Meme
PF_POLUSD  POL    0.0001   0 30000000     9000  B      Layer_2
PF_AVAXUSD AVAX   0.001    1 800000       150   B      Layer_1
PF_LTCUSD  LTC    0.01     2 200000       1.5   B      Layer_1
PF_BCHUSD  BCH    0.01     2 30000        15    B      Layer_1
PF_ATOMUSD ATOM   0.001    1 3000000      900   B      Layer_1
PF_UNIUSD  UNI    0.001    1 1000000      600   B      DeFi
PF_ARBUSD  ARB    0.0001   0 12000000     6000  B      Layer_2
PF_OPUSD   OP     0.0001   0 8000000      4000  B      Layer_2
PF_NEARUSD NEAR   0.001    1 4000000      1500  B      Layer_1
PF_APTUSD  APT    0.0001   1 750000       900   B      Layer_1
PF_ALGOUSD ALGO   0.00001  0 17500000     25000 B      Layer_1
PF_AAVEUSD AAVE   0.01     2 60000        31    B      DeFi
PF_CRVUSD  CRV    0.0001   0 12000000     8000  B      DeFi
PF_ENSUSD  ENS    0.001    1 400000       150   B      -
PF_EOSUSD  EOS    0.0001   0 25000000     6700  B      Layer_1
PF_ETCUSD  ETC    0.001    1 600000       250   B      Layer_1
PF_XLMUSD  XLM    0.00001  0 60000000     20000 B      Layer_1
PF_XMRUSD  XMR    0.01     2 30000        20    B      Layer_1
PF_BNBUSD  BNB    0.01     2 30000        10    B      Layer_1
PF_TRXUSD  TRX    0.00001  0 60000000     20000 B      Layer_1
PF_MATICUSD MATIC 0.0001   0 30000000     9000  B      Layer_2
PF_1INCHUSD 1INCH 0.0001   0 6000000      18750 C      DeFi
PF_BATUSD  BAT    0.00001  0 10000000     25500 C      -
PF_COMPUSD COMP   0.001    1 100000       60    C      DeFi
PF_PEPEUSD PEPE   1e-10   -3 1000000000000 875000000 A Meme
"""

_OPENED: Final = {"PI_XBTUSD": "2018-08-31T00:00:00.000Z", "PF_PEPEUSD": "2023-05-25T10:52:25.000Z"}


def _instrument(row: str) -> Instrument:
    symbol, asset, tick, precision, limit, impact, ladder, category = row.split()
    inverse = symbol.startswith("PI_")
    return Instrument(
        symbol=symbol,
        asset=asset,
        code=symbol[3:-3],
        kind=ContractKind.INVERSE if inverse else ContractKind.LINEAR,
        tick=Decimal(tick),
        precision=int(precision),
        max_position=Decimal(limit),
        impact_mid=Decimal(impact),
        steps=tuple(MarginStep(*map(Decimal, part.split(":"))) for part in _LADDERS[ladder].split()),
        category="" if category == "-" else category.replace("_", " "),
        opened=_OPENED.get(symbol, "2022-03-22T13:15:36.000Z"),
    )


CATALOGUE: Final = {row.split()[0]: _instrument(row) for row in _ROWS.strip().splitlines()}
"""Every contract that can be listed, by venue symbol."""


def listed(symbols: tuple[str, ...], assets: frozenset[str]) -> dict[str, Instrument]:
    """The instruments of these symbols whose asset has a market. Raises ValueError for an unknown symbol."""
    unknown = [symbol for symbol in symbols if symbol not in CATALOGUE]
    if unknown:
        raise ValueError(f"unknown contract {', '.join(unknown)}; known are {', '.join(CATALOGUE)}")
    return {symbol: CATALOGUE[symbol] for symbol in symbols if CATALOGUE[symbol].asset in assets}
