"""A tree of Maven artifacts sent to a server: several folders at once, each file compared before it goes out.

What stands there already is not sent again, so that what was interrupted goes on when it is begun anew.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event, Lock

from mxart.cli.copies.mavenserver import MavenServer, Refused, Standing
from mxart.cli.copies.selection import sort_out
from mxart.cli.copies.tally import Tally
from mxart.cli.copies.trees import UNREADABLE, Content, Folder, LeftOut, Reason, Tree, Unreadable
from mxart.cli.progress import Meter
from mxart.formats.maven import checksums
from mxart.formats.maven.trees import Artifact, naming
from mxart.upstream.blocking import Stopped

OTHER = Reason("other content stands there", is_loss=True)
_CHUNK = 1 << 20  # bytes
_WAITING = 2  # folders for each thread


def damaged(algorithm: str) -> Reason:
    """Why a file is left out whose checksum file is of another."""
    return Reason(f"does not match its .{algorithm}", is_loss=True)


def refused(status: int) -> Reason:
    """Why a file is left out that the server does not take."""
    return Reason(f"refused by the server with {status}", is_loss=True)


@dataclass(frozen=True, slots=True)
class Copying:
    """From where to where, and who is told. ``stop``: set when somebody wants it to end."""

    tree: Tree
    server: MavenServer
    tally: Tally
    progress: Meter
    stop: Event
    lock: Lock = field(default_factory=Lock)  # of the progress, which threads share

    def run(self, jobs: int) -> None:
        """All of the tree is there, or the tally knows why it is not. ``jobs``: how many folders at once.

        Raises Ended when it cannot go on; whatever ends it, no thread is left.
        """
        with ThreadPoolExecutor(jobs, thread_name_prefix="copy") as pool:
            try:
                self._spread(pool, self.tree.walk(), jobs)
            except BaseException:
                self.stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _spread(self, pool: ThreadPoolExecutor, found: Iterable[Folder | LeftOut], jobs: int) -> None:
        running: set[Future[None]] = set()
        for each in found:
            if isinstance(each, LeftOut):
                self.tally.add_left_out(each)
                continue
            running.add(pool.submit(self._folder, each))
            if len(running) >= _WAITING * jobs:
                running = _settled(running)
        while running:
            running = _settled(running)

    def _folder(self, folder: Folder) -> None:
        """In a thread, so that the files of a folder keep their order."""
        artifacts: list[Artifact] = []
        is_whole = True
        for each in sort_out(folder):
            if self.stop.is_set():
                raise Stopped
            if isinstance(each, LeftOut):
                self.tally.add_left_out(each)
            else:
                artifacts.append(each)
                is_whole = _File(self, each).copy() and is_whole
        named = naming(artifacts) if is_whole else None
        if named is not None:
            self._name(*named)

    def _name(self, path: str, metadata: bytes) -> None:
        """The server lists what the metadata names."""
        try:
            self.server.send(path, io.BytesIO(metadata), len(metadata), lambda size: None)
        except Refused as error:
            self.tally.add_left_out(LeftOut(path, refused(error.status), str(error)))


def _settled(running: set[Future[None]]) -> set[Future[None]]:
    """Those that still run, once one has ended. Raises what ended it."""
    done, rest = wait(running, return_when=FIRST_COMPLETED)
    for each in done:
        each.result()
    return rest


class _File:
    """One artifact on its way."""

    def __init__(self, copying: Copying, artifact: Artifact) -> None:
        self._copying = copying
        self._artifact = artifact
        self._path = artifact.path
        self._told = 0  # bytes of progress
        self._is_there = True  # unless it is left out

    def copy(self) -> bool:
        """Whether it is there now; the tally knows why it is not. Raises Ended, Stopped."""
        try:
            self._copy()
        except Unreadable as error:
            self._leave_out(UNREADABLE, str(error))
        except Refused as error:
            self._leave_out(refused(error.status), str(error))
        if self._artifact.size is not None:
            self._tick(self._artifact.size - self._told)
        return self._is_there

    def _copy(self) -> None:
        standing = self._copying.server.standing(self._path)
        if standing is not None and standing.is_same(None, self._said(standing)):
            self._copying.tally.add_there(self._path, standing.size)
            return
        with self._copying.tree.open(self._path) as content:
            wanted = {*self._artifact.checksums, *content.said, *(standing.strongest[:1] if standing else ())}
            digests = self._digests(content, wanted)
            damage = self._damage(content, digests)
            if damage is not None:
                self._leave_out(damage)
            elif standing is None or not self._is_settled(standing, content.size, digests):
                self._send(content)

    def _is_settled(self, standing: Standing, size: int, digests: Mapping[str, str]) -> bool:
        """Whether nothing is sent because of what stands there."""
        is_same = standing.is_same(size, digests)
        if is_same:
            self._copying.tally.add_there(self._path, size)
        elif is_same is False and not self._artifact.is_replaced:
            self._leave_out(OTHER)
        else:
            return False
        return True

    def _send(self, content: Content) -> None:
        try:
            self._copying.server.send(self._path, content.file, content.size, self._tick)
        except OSError as error:
            raise Unreadable.by(error) from error
        self._copying.tally.add_sent(self._path, content.size)

    # --- what it is ---

    def _said(self, standing: Standing) -> Mapping[str, str]:
        """Digests that are said of it: one, if one can be compared with what stands there."""
        for algorithm in self._artifact.checksums:
            if algorithm in standing.digests and (digest := self._beside(algorithm)):
                return {algorithm: digest}
        return self._copying.tree.said(self._path)

    def _beside(self, algorithm: str) -> str:
        """What the checksum file beside it says; "" for nothing that makes sense."""
        found = checksums.parse(self._copying.tree.small(f"{self._path}.{algorithm}"), algorithm)
        return "" if found is None else found.hex

    def _digests(self, content: Content, algorithms: Collection[str]) -> Mapping[str, str]:
        """What it has, by each of the algorithms."""
        hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
        try:
            content.file.seek(0)
            while hashes and (chunk := content.file.read(_CHUNK)):
                if self._copying.stop.is_set():
                    raise Stopped
                for each in hashes.values():
                    each.update(chunk)
        except OSError as error:
            raise Unreadable.by(error) from error
        return {name: each.hexdigest() for name, each in hashes.items()}

    def _damage(self, content: Content, digests: Mapping[str, str]) -> Reason | None:
        """Why it is not what it should be; None when nothing says so."""
        for algorithm, digest in content.said.items():
            if digest != digests[algorithm]:
                return damaged(algorithm)
        for algorithm in self._artifact.checksums:
            if self._beside(algorithm) not in ("", digests[algorithm]):
                return damaged(algorithm)
        return None

    # --- telling ---

    def _leave_out(self, reason: Reason, detail: str = "") -> None:
        self._is_there = False
        self._copying.tally.add_left_out(LeftOut(self._path, reason, detail))

    def _tick(self, size: int) -> None:
        with self._copying.lock:
            self._told += size
            self._copying.progress.update(size)
