"""Kills the real daemon, again and again, against a simulated venue that lives on."""
