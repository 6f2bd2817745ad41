"""What the market is: contracts, candles, books, snapshots. Pure."""
