"""The web page, its interface for programs, and the figures for Prometheus."""
