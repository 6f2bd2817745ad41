"""Tests of tradingbot.research."""
