"""Kraken Futures behind `ports.Venue`."""
