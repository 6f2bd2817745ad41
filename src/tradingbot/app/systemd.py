"""Tell systemd how we are (sd_notify protocol); without systemd nothing happens."""

from __future__ import annotations

import os
import socket


def notify(message: str) -> None:
    """Send e.g. ``READY=1``, ``WATCHDOG=1`` or ``STOPPING=1`` to the supervisor, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(message.encode(), target)
        except OSError:
            return
