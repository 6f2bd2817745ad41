"""Measurements of our own paths against a reference that runs in the same process, by ratio."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
