"""Recorded cycles decided again from their recorded inputs, and what differs, by stage (SPEC 17)."""
