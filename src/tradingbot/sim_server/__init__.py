"""The simulated venue behind Kraken Futures' REST and WebSocket protocols, on loopback."""
