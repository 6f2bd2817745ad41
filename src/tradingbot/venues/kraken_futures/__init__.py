"""kraken_futures."""
