"""Alerts and the nightly digest: what is told to whom, kept on disk until it was delivered (SPEC 14, 18)."""
