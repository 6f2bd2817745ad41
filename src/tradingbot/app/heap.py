"""The memory that Python and the C library hold: kept from being full of holes, and counted.

What is here reaches into glibc and CPython. Where they are not what they are elsewhere, nothing happens and nothing is
told.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

MB: Final = 1e6
M_ARENA_MAX: Final = -8
M_MMAP_THRESHOLD: Final = -3
LARGE_BLOCK_BYTES: Final = 262_144
THRESHOLDS: Final = (5_000, 20, 400)
"""A young collection takes a few milliseconds at most, a middle one about ten; a full one hardly comes by itself."""


@dataclass(frozen=True, slots=True)
class HeapFigures:
    """Tells what grows when the process grows: objects, or room between objects.

    `python_blocks` counts the small blocks of Python in use; `used_mb` is what was asked of the C library and not given
    back, `held_mb` what the C library holds for that. The last two are None where it does not tell.
    """

    python_blocks: int
    used_mb: float | None = None
    held_mb: float | None = None


class _MallInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    )


def _c_library() -> Any:
    """Loaded once: each loading leaves a circle of objects behind."""
    with suppress(OSError):
        library = ctypes.CDLL(None)
        with suppress(AttributeError):
            library.mallinfo2.restype = _MallInfo
        return library
    return None


_LIBRARY: Final = _c_library()


def heap_figures() -> HeapFigures:
    """Counted now; takes about a millisecond."""
    blocks = sys.getallocatedblocks()
    try:
        found = _LIBRARY.mallinfo2()
    except AttributeError:
        return HeapFigures(blocks)
    mapped = found.hblkhd
    return HeapFigures(blocks, round((found.uordblks + mapped) / MB, 2), round((found.arena + mapped) / MB, 2))


def keep_heap_small() -> None:
    """Call before any thread begins: what the C library frees shall go back to the system.

    It may keep one heap more for threads, not one for each: a job that reads a day of journals in a thread would else
    leave a heap of its own behind, full of holes. And large blocks (files as they are written, tables) are always
    mapped on their own: by default, one that is freed makes the next ones come from the heap, where what is small and
    lives long pins them down. Only glibc knows this (`mallopt`); elsewhere nothing happens.
    """
    with suppress(AttributeError):
        _LIBRARY.mallopt(M_ARENA_MAX, 2)
        _LIBRARY.mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def give_memory_back() -> None:
    """Hand the pages that lie free between what is still used back to the system.

    The C library returns by itself only what lies free at the end of its heap. Takes a few milliseconds, in which other
    threads may wait to allocate. Only glibc knows this (`malloc_trim`); elsewhere nothing happens.
    """
    with suppress(AttributeError):
        _LIBRARY.malloc_trim(0)


def calm_garbage_collector() -> None:
    """Call once everything that lives as long as the process is there.

    A full collection walks every object and stops the event loop for tens of milliseconds. What was made at start-up is
    taken out of its sight for good, and it comes only when a great deal has been made that lives long: in a fortnight
    under faults a daily one would find some 200 objects each time, which is not worth a stall.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
