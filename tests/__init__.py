"""Tests. Linear algebra without threads, as the program has it (app/cli)."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
