"""Tests of tradingbot.venues."""
