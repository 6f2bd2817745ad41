"""Tests of tradingbot.risk."""
