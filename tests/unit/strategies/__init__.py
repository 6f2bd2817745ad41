"""Tests of tradingbot.strategies."""
