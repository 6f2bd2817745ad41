"""Styles, scripts and pictures of the page: read once, served from memory, kept by browsers until they change."""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from aiohttp import web

FOLDER: Final = Path(__file__).resolve().parent / "static"
FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. `version` follows from its content."""

    body: bytes
    packed: bytes
    content_type: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """All files by name. Reads the disk once: for a worker thread."""
    return {path.name: _asset(path) for path in FOLDER.iterdir() if path.is_file()}


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "text/plain"
    return Asset(body, gzip.compress(body, 6, mtime=0), kind, blake2b(body, digest_size=6).hexdigest())


def asset_url(name: str) -> str:
    """A relative address that changes with the content."""
    return f"static/{name}?v={assets()[name].version}"


async def serve_asset(request: web.Request) -> web.Response:
    """Raises HTTPNotFound. Only an address with the right version may be kept without asking again."""
    asset = assets().get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound(reason="there is no such file")
    tag = f'"{asset.version}"'
    current = request.query.get("v") == asset.version
    headers = {"ETag": tag, "Cache-Control": FOR_EVER if current else "no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    charset = "utf-8" if asset.content_type.startswith(("text/", "application/javascript")) else None
    body = asset.packed if packed else asset.body
    return web.Response(body=body, content_type=asset.content_type, charset=charset, headers=headers)
