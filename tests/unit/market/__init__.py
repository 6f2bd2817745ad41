"""Tests of tradingbot.market."""
