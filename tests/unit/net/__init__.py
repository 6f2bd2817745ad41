"""Tests of tradingbot.net."""
