"""Tests of the Kraken Futures adapter."""
