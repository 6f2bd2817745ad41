"""tradingbot."""
