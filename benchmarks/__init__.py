"""Measurements of our own paths against a reference that runs in the same process, by ratio."""
