"""What a disk holds after a power cut: content as of the last fsync of each file, names as of that of each folder.

The model is stricter than any one file system: what was not synced is, by the draw, lost, kept or torn at a random
byte, file by file; names that a folder has not synced are kept up to a random one of its changes, in their order.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOST: Final = "lost"
KEPT: Final = "kept"
TORN: Final = "torn"
Change = tuple[str, str, "Node | None"]
"""(name that goes or '', name that comes or '', the file behind it)"""


@dataclass(eq=False)
class Node:
    """One file, whatever its names. While not clean, `kept` is what is durable: bytes, or so many from the start."""

    inode: int
    clean: bool = True
    kept: bytes | int = 0
    orphan: bytes | None = None
    folder: bool = False


@dataclass
class Disk:
    """Names now and names durable; the changes between them, folder by folder."""

    home: str
    live: dict[str, Node] = field(default_factory=dict)
    safe: dict[str, Node] = field(default_factory=dict)
    pending: dict[str, list[Change]] = field(default_factory=dict)

    @classmethod
    def of(cls, home: str) -> Disk:
        """Everything that is there at the start of the process counts as durable."""
        disk = cls(home)
        known: dict[int, Node] = {}
        for folder, folders, files in os.walk(home):
            for name in (*folders, *files):
                path = os.path.join(folder, name)
                inode = os.stat(path).st_ino
                node = known.setdefault(inode, Node(inode, folder=name in folders))
                disk.live[os.path.relpath(path, home)] = node
        disk.safe = dict(disk.live)
        return disk

    # ------------------------------------------------------------ what the process does

    def opened(self, relative: str, inode: int) -> Node:
        """A file is open for writing; one that is new has a name that is not durable."""
        node = self.live.get(relative)
        if node is None or node.inode != inode:
            node = Node(inode, clean=False, kept=b"")
            self.live[relative] = node
            self._note(relative, ("", relative, node))
        return node

    def before_change(self, node: Node, content: bytes | int) -> None:
        """Bytes are about to be written: what is durable is what there is now (`content`, a length when appending)."""
        if node.clean:
            node.clean, node.kept = False, content

    def before_cut(self, node: Node, content: bytes) -> None:
        """The file is about to be shortened."""
        self.before_change(node, content)
        if isinstance(node.kept, int):
            node.kept = content[: node.kept]

    def synced(self, node: Node) -> None:
        """fsync of a file returned."""
        node.clean, node.kept = True, 0

    def made_folder(self, relative: str) -> None:
        """mkdir returned."""
        node = Node(0, folder=True)
        self.live[relative] = node
        self._note(relative, ("", relative, node))

    def moved(self, source: str, target: str) -> None:
        """rename returned."""
        node = self.live.pop(source)
        self.live[target] = node
        self._note(target, (source, target, node))

    def linked(self, source: str, target: str) -> None:
        """link returned."""
        self.live[target] = self.live[source]
        self._note(target, ("", target, self.live[source]))

    def removed(self, relative: str) -> None:
        """unlink returned."""
        self.live.pop(relative, None)
        self._note(relative, (relative, "", None))

    def synced_folder(self, relative: str) -> None:
        """fsync of a folder returned."""
        for change in self.pending.pop(relative, []):
            self._apply(self.safe, change)

    def keep_orphan(self, relative: str) -> None:
        """The last name of a file is about to go: its bytes may still be what a durable name shows."""
        node = self.live.get(relative)
        if node is None or node.folder or sum(1 for one in self.live.values() if one is node) > 1:
            return
        if any(one is node for one in self.safe.values()) or self._is_pending(node):
            node.orphan = _content(Path(self.home) / relative)

    def _is_pending(self, node: Node) -> bool:
        return any(change[2] is node for changes in self.pending.values() for change in changes)

    def _note(self, relative: str, change: Change) -> None:
        self.pending.setdefault(os.path.dirname(relative) or ".", []).append(change)

    @staticmethod
    def _apply(names: dict[str, Node], change: Change) -> None:
        goes, comes, node = change
        if goes:
            names.pop(goes, None)
        if comes and node is not None:
            names[comes] = node

    # ------------------------------------------------------------ the cut

    def write_view(self, into: Path, rng: random.Random) -> dict[str, str]:
        """Write what the disk holds after the cut below `into`; what became of every file that was not synced."""
        names, fates = dict(self.safe), {}
        for folder, changes in sorted(self.pending.items()):
            kept = rng.choice((0, len(changes), rng.randint(0, len(changes))))
            for change in changes[:kept]:
                self._apply(names, change)
            fates[f"{folder}/"] = f"{kept} of {len(changes)} changes of names"
        where = {id(node): path for path, node in self.live.items()}
        drawn: dict[int, bytes] = {}
        for relative, node in sorted(names.items()):
            if not self._has_folders(relative, names):
                continue
            target = into / relative
            if node.folder:
                target.mkdir(parents=True, exist_ok=True)
                continue
            if id(node) not in drawn:
                now = node.orphan if id(node) not in where else _content(Path(self.home) / where[id(node)])
                drawn[id(node)], fate = _after_cut(node, now or b"", rng)
                if fate:
                    fates[relative] = fate
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(drawn[id(node)])
            target.chmod(0o600)
        return fates

    @staticmethod
    def _has_folders(relative: str, names: dict[str, Node]) -> bool:
        above = os.path.dirname(relative)
        while above:
            if above not in names:
                return False
            above = os.path.dirname(above)
        return True


def _after_cut(node: Node, now: bytes, rng: random.Random) -> tuple[bytes, str]:
    if node.clean:
        return now, ""
    fate = rng.choice((LOST, LOST, KEPT, TORN))
    old = now[: node.kept] if isinstance(node.kept, int) else node.kept
    if fate == LOST:
        return old, fate
    if fate == KEPT:
        return now, fate
    if isinstance(node.kept, int):
        return now[: rng.randint(min(node.kept, len(now)), len(now))], fate
    cut = rng.randint(0, len(now))
    return now[:cut] + old[cut:], fate


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
