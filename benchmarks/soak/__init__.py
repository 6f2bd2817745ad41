"""A simulated fortnight of the real daemon under faults, its appetite measured: `python -m benchmarks.soak`."""
