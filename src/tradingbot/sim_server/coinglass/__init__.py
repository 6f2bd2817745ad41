"""The simulated market-data service: CoinGlass v4 as a server, with two free services beside it."""
