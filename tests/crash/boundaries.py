"""Wraps the calls by which the process under test touches disk and network. Nothing of the product is changed."""

from __future__ import annotations

import builtins
import functools
import hashlib
import io
import os
from collections.abc import Callable
from typing import Any, Final

from tests.crash.durable import Node
from tests.crash.places import endpoint, message, operation_of_move
from tests.crash.world import World

WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Files:
    """The system calls on files below the home, each with points before and after it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: dict[int, tuple[str, int, bool]] = {}
        self._folders: dict[int, str] = {}
        self._real = {name: getattr(os, name) for name in PATCHED}
        self._read = os.pread
        self._io_open = io.open

    def install(self) -> None:
        """From now on."""
        for name in PATCHED:
            setattr(os, name, getattr(self, name))
        builtins.open = self._builtin_open  # type: ignore[assignment]
        io.open = self._builtin_open  # type: ignore[assignment]

    # ------------------------------------------------------------ files

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """os.open."""
        relative = self._world.places.relative(path) if dir_fd is None else None
        real = self._real["open"]
        if relative is None:
            return int(real(path, flags, mode, dir_fd=dir_fd))
        if not flags & WRITING:
            descriptor = int(real(path, flags, mode))
            if flags & os.O_DIRECTORY:
                self._folders[descriptor] = relative
            return descriptor
        place = self._world.places.name(relative)
        with self._world.lock:
            self._world.refuse(relative)
            self._world.hit(f"{place}.open.before")
            if flags & os.O_TRUNC and self._world.disk is not None and os.path.exists(path):
                self._note_before_cut(relative, path)
            descriptor = int(real(path, flags, mode))
            inode = os.fstat(descriptor).st_ino
            self._open[descriptor] = (relative, inode, bool(flags & os.O_APPEND))
            self._folders.pop(descriptor, None)
            if self._world.disk is not None:
                self._world.disk.opened(relative, inode)
            self._world.hit(f"{place}.open.after")
        return descriptor

    def write(self, descriptor: int, data: Any) -> int:
        """os.write."""
        known = self._known(descriptor)
        if known is None:
            return int(self._real["write"](descriptor, data))
        relative, place = known[0], self._world.places.name(known[0])
        with self._world.lock:
            self._world.refuse(relative)
            self._world.hit(f"{place}.write.before")
            self._note_before_write(descriptor, known)
            if self._world.wants_torn(f"{place}.write.torn"):
                self._real["write"](descriptor, bytes(data)[: len(data) // 2])
                self._world.torn(f"{place}.write.torn")
            done = int(self._real["write"](descriptor, data))
            self._world.hit(f"{place}.write.after")
        return done

    def ftruncate(self, descriptor: int, length: int) -> None:
        """os.ftruncate."""
        known = self._known(descriptor)
        if known is None:
            self._real["ftruncate"](descriptor, length)
            return
        place = self._world.places.name(known[0])
        with self._world.lock:
            self._world.hit(f"{place}.truncate.before")
            if self._world.disk is not None and length < os.fstat(descriptor).st_size:
                node = self._node(known)
                if node.clean or isinstance(node.kept, int):
                    self._world.disk.before_cut(node, self._content(descriptor, known[0]))
            self._real["ftruncate"](descriptor, length)
            self._world.hit(f"{place}.truncate.after")

    def fsync(self, descriptor: int) -> None:
        """os.fsync, of a file or a folder."""
        if (folder := self._folders.get(descriptor)) is not None:
            self._sync_folder(descriptor, folder)
            return
        known = self._known(descriptor)
        if known is None:
            self._real["fsync"](descriptor)
            return
        place = self._world.places.name(known[0])
        with self._world.lock:
            self._world.refuse(known[0])
            self._world.hit(f"{place}.fsync.before")
            self._real["fsync"](descriptor)
            if self._world.disk is not None:
                self._world.disk.synced(self._node(known))
            self._world.hit(f"{place}.fsync.after")

    def _sync_folder(self, descriptor: int, folder: str) -> None:
        place = self._world.places.folder(folder)
        with self._world.lock:
            self._world.hit(f"{place}.fsync.before")
            self._real["fsync"](descriptor)
            if self._world.disk is not None:
                self._world.disk.synced_folder(folder)
            self._world.hit(f"{place}.fsync.after")

    def close(self, descriptor: int) -> None:
        """os.close."""
        self._open.pop(descriptor, None)
        self._folders.pop(descriptor, None)
        self._real["close"](descriptor)

    # ------------------------------------------------------------ names

    def replace(self, source: Any, target: Any, **more: Any) -> None:
        """os.replace."""
        self._move("replace", source, target, more)

    def rename(self, source: Any, target: Any, **more: Any) -> None:
        """os.rename."""
        self._move("rename", source, target, more)

    def _move(self, how: str, source: Any, target: Any, more: dict[str, Any]) -> None:
        places = self._world.places
        came, goes = places.relative(source), places.relative(target)
        if came is None or goes is None or more:
            self._real[how](source, target, **more)
            return
        operation = operation_of_move(came, goes, how == "replace")
        place = places.name(came if operation == "rename" else goes)
        with self._world.lock:
            self._world.refuse(goes)
            if not os.path.lexists(source):
                self._real[how](source, target)
            self._world.hit(f"{place}.{operation}.before")
            if self._world.disk is not None:
                self._world.disk.keep_orphan(goes)
            self._real[how](source, target)
            if self._world.disk is not None:
                self._world.disk.moved(came, goes)
            self._world.hit(f"{place}.{operation}.after")

    def link(self, source: Any, target: Any, **more: Any) -> None:
        """os.link."""
        came, goes = self._world.places.relative(source), self._world.places.relative(target)
        if came is None or goes is None:
            self._real["link"](source, target, **more)
            return
        place = self._world.places.name(goes)
        with self._world.lock:
            self._world.refuse(goes)
            self._world.hit(f"{place}.link.before")
            self._real["link"](source, target, **more)
            if self._world.disk is not None:
                self._world.disk.linked(came, goes)
            self._world.hit(f"{place}.link.after")

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        """os.unlink."""
        relative = self._world.places.relative(path) if dir_fd is None else None
        if relative is None or not os.path.lexists(path):
            self._real["unlink"](path, dir_fd=dir_fd)
            return
        place = self._world.places.name(relative)
        with self._world.lock:
            self._world.hit(f"{place}.unlink.before")
            if self._world.disk is not None:
                self._world.disk.keep_orphan(relative)
            self._real["unlink"](path)
            if self._world.disk is not None:
                self._world.disk.removed(relative)
            self._world.hit(f"{place}.unlink.after")

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        """os.mkdir."""
        relative = self._world.places.relative(path) if dir_fd is None else None
        if relative in (None, ".") or os.path.lexists(path):
            self._real["mkdir"](path, mode, dir_fd=dir_fd)
            return
        assert relative is not None
        place = self._world.places.folder(relative)
        with self._world.lock:
            self._world.refuse(relative)
            self._world.hit(f"{place}.mkdir.before")
            self._real["mkdir"](path, mode)
            if self._world.disk is not None:
                self._world.disk.made_folder(relative)
            self._world.hit(f"{place}.mkdir.after")

    # ------------------------------------------------------------ helpers

    def _builtin_open(self, file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
        """Python's own `open`: what it writes is known by its fsync, its open and its names."""
        writing = any(letter in mode for letter in "wax+")
        if writing and "opener" not in named and self._world.places.relative(file) is not None:
            named["opener"] = functools.partial(self.open, mode=0o666)
        return self._io_open(file, mode, *more, **named)

    def _known(self, descriptor: int) -> tuple[str, int, bool] | None:
        known = self._open.get(descriptor)
        if known is None:
            return None
        try:
            same = os.fstat(descriptor).st_ino == known[1]
        except OSError:
            same = False
        return known if same else None

    def _node(self, known: tuple[str, int, bool]) -> Node:
        disk = self._world.disk
        assert disk is not None
        node = disk.live.get(known[0])
        if node is None or node.inode != known[1]:
            node = next((one for one in disk.live.values() if one.inode == known[1]), None)
        return node or Node(known[1])  # a file without any name left: nothing of it survives

    def _note_before_write(self, descriptor: int, known: tuple[str, int, bool]) -> None:
        disk = self._world.disk
        if disk is None:
            return
        node = self._node(known)
        if node.clean:
            size = os.fstat(descriptor).st_size
            disk.before_change(node, size if known[2] else self._content(descriptor, known[0]))

    def _note_before_cut(self, relative: str, path: Any) -> None:
        disk = self._world.disk
        assert disk is not None
        node = disk.live.get(relative)
        if node is not None:
            with self._io_open(path, "rb") as file:
                disk.before_cut(node, file.read())

    def _content(self, descriptor: int, relative: str) -> bytes:
        """What the file holds; it may be open for writing only."""
        with self._io_open(f"/proc/self/fd/{descriptor}", "rb") as file:
            return bytes(file.read())


PATCHED: Final = ("open", "write", "ftruncate", "fsync", "close", "replace", "rename", "link", "unlink", "mkdir")


def watch_network(world: World) -> None:
    """Points around every HTTP request and every websocket message."""
    import aiohttp
    from aiohttp import client_reqrep
    from websockets.asyncio.client import ClientConnection

    ask, read = aiohttp.ClientSession._request, aiohttp.ClientResponse.read
    send, send_body = client_reqrep.ClientRequest.send, client_reqrep.ClientRequest.write_bytes

    async def asked(session: Any, method: str, url: Any, **more: Any) -> Any:
        label = f"http.{endpoint(str(getattr(url, 'path', url)))}"
        world.hit(f"{label}.before")
        answer = await ask(session, method, url, **more)
        world.hit(f"{label}.answered")
        return answer

    async def read_all(answer: Any) -> bytes:
        body = await read(answer)
        world.hit(f"http.{endpoint(answer.url.path)}.received")
        return body

    async def sent(request: Any, connection: Any) -> Any:
        answer = await send(request, connection)
        if not request._body:
            world.hit(f"http.{endpoint(request.url.path)}.sent")
        return answer

    async def body_sent(request: Any, *more: Any) -> None:
        await send_body(request, *more)
        world.hit(f"http.{endpoint(request.url.path)}.sent")

    aiohttp.ClientSession._request = asked  # type: ignore[method-assign, assignment]
    aiohttp.ClientResponse.read = read_all  # type: ignore[method-assign]
    client_reqrep.ClientRequest.send = sent  # type: ignore[method-assign]
    client_reqrep.ClientRequest.write_bytes = body_sent  # type: ignore[method-assign]
    _watch_sockets(world, ClientConnection)


def _watch_sockets(world: World, connection: Any) -> None:
    shake, say, hear = connection.handshake, connection.send, connection.recv

    async def shaken(self: Any, *more: Any, **named: Any) -> None:
        world.hit("ws.connect.before")
        await shake(self, *more, **named)
        world.hit("ws.connect.after")

    async def said(self: Any, text: Any, *more: Any, **named: Any) -> None:
        label = f"ws.{message(text)}.send"
        world.hit(f"{label}.before")
        await say(self, text, *more, **named)
        world.hit(f"{label}.after")

    async def heard(self: Any, *more: Any, **named: Any) -> Any:
        text = await hear(self, *more, **named)
        world.hit(f"ws.{message(text)}.received")
        return text

    connection.handshake, connection.send, connection.recv = shaken, said, heard


def note_promises(world: World) -> None:
    """Remember what the storage has called written: after a power cut the disk must have it."""
    from tradingbot.storage.document import Document
    from tradingbot.storage.journal import Journal

    write_document, write_lines = Document.write, Journal.write
    envelope = Document._envelope

    def enveloped(self: Any, value: Any) -> bytes:
        content: bytes = envelope(self, value)
        with world.lock:
            world.begun[str(self.path)] = hashlib.sha256(content).hexdigest()
        return content

    def write(self: Any, payloads: Any, durable: bool) -> None:
        write_document(self, payloads, durable)
        with world.lock:
            world.believed[str(self.path)] = world.begun.get(str(self.path), "")

    def write_journal(self: Any, payloads: Any, durable: bool) -> None:
        write_lines(self, payloads, durable)
        if durable:
            with world.lock:
                world.believed_bytes[str(self.path)] = self._size

    patches: list[tuple[Any, str, Callable[..., Any]]] = [
        (Document, "_envelope", enveloped),
        (Document, "write", write),
        (Journal, "write", write_journal),
    ]
    for owner, name, function in patches:
        setattr(owner, name, function)
