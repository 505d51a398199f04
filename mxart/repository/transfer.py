"""The work of the one who downloads: ask the upstream, write what comes, verify it, enter it. Called with the fetch
lock of the key held; whoever else wants the content follows the `Progress` or, in another worker, the file.

Whatever goes wrong, nothing unverified is entered. What came of a resumable body stays in ``incoming/`` for the next
who tries; everything else is removed at once.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import FileIO
from typing import BinaryIO

from mxart.contract import Policy
from mxart.errors import BadUpstream, Corrupt, MxartError, StoreFull, Unavailable
from mxart.model import Entry
from mxart.offload import offload
from mxart.repository.growing import HELD_BACK, Progress
from mxart.repository.heads import http_date, instant, reason, validator
from mxart.store import Download, Store
from mxart.store.incoming import IncomingFile
from mxart.store.layout import incoming_folder
from mxart.upstream import Broken, Changed, Exchange, Fetch, Head, Upstream

log = logging.getLogger("mxart.repository")

_RESUME_AGE = 86400.0  # seconds; what an older failure left is not built upon


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to download, and how to know that it is right."""

    repository: str
    path: str
    upstream: Upstream
    upstream_path: str
    policy: Policy
    check: Callable[[BinaryIO], None]  # raises Corrupt; runs in a thread
    settled: Callable[[Entry, float], bool]  # does it answer who has waited since then (UTC seconds)?
    readable: Callable[[Entry], bool]  # does the store have its blob?
    retries: int  # how often a body that cannot be resumed is begun anew
    clock: Callable[[], float]  # UTC seconds


class Transfer:
    """One leader's download. `run` it once."""

    def __init__(self, plan: Plan, store: Store, progress: Progress, held: Entry | None, left: Download | None) -> None:
        """``held``: the entry that stands now. ``left``: the record of an earlier download that did not end well."""
        self._plan = plan
        self._store = store
        self._progress = progress
        self._held = held
        self._left = left
        self._incoming: IncomingFile | None = None
        self._record: Download | None = None
        self._keep = False  # what came can be resumed by the next who tries

    async def run(self) -> Entry:
        """The entry that answers: new content, the confirmed old one, or an absence.

        Raises Unavailable, BadUpstream, StoreFull; then other workers know by the record.
        """
        try:
            return await self._restarting()
        except MxartError as error:
            await self._failed(error)
            raise
        finally:
            self._leave()

    async def _restarting(self) -> Entry:
        """Ask until there is an entry. A body that broke off after all tries is left for the next who asks, when it can
        be resumed; what cannot be gone on with is begun anew, as often as another try is due."""
        await self._resume()
        restarts = 0
        while True:
            try:
                return await self._once()
            except Broken as error:
                changed = isinstance(error, Changed)
                self._keep = self._keep and not changed
                if self._keep or restarts >= max(self._plan.retries, int(changed)):
                    raise
                log.info("%s/%s: from the start again: %s", self._plan.repository, self._plan.path, error)
            self._drop()
            restarts += 1

    async def _resume(self) -> None:
        """Take up what a dead or failed leader left, when the upstream can go on from there."""
        left, now = self._left, self._plan.clock()
        if left is None or not left.file:
            return
        if not left.resumable or now - left.changed > _RESUME_AGE:
            await offload(self._unlink, left.file)
            return
        incoming = await IncomingFile.reopen(self._store.path, left.file)
        if incoming is None:
            return
        if incoming.size == 0 or (left.length is not None and incoming.size > left.length):
            incoming.discard()
            return
        self._incoming, self._keep = incoming, True
        self._record = replace(left, state="active", changed=now)

    async def _once(self) -> Entry:
        """One request, from its head to the entry. A resumed file that is whole needs none."""
        incoming, left = self._incoming, self._record
        if incoming is not None and left is not None and incoming.size == left.length:
            return await self._enter(incoming, left, resumed=True)
        async with self._plan.upstream.fetch(self._fetch()) as exchange:
            head = exchange.head
            self._progress.status = head.status
            if head.status == 304:
                return await self._confirmed(head)
            if head.status in (404, 410):
                return await self._absent(exchange)
            return await self._body(exchange)

    def _fetch(self) -> Fetch:
        plan, incoming = self._plan, self._incoming
        if incoming is not None and self._record is not None:
            return Fetch(
                path=plan.upstream_path,
                max_size=plan.policy.max_size,
                start=incoming.size,
                validator=self._record.etag,
            )
        return Fetch(path=plan.upstream_path, max_size=plan.policy.max_size, headers=self._conditions())

    def _conditions(self) -> dict[str, str]:
        held = self._held
        if held is None or held.digest is None or not self._plan.readable(held):
            return {}  # a 304 would be of no use
        conditions = {"If-None-Match": held.etag, "If-Modified-Since": held.last_modified}
        return {name: value for name, value in conditions.items() if value}

    async def _confirmed(self, head: Head) -> Entry:
        assert self._held is not None  # else there was no condition
        etag = head.etag or self._held.etag
        entry = replace(self._held, checked=self._plan.clock(), etag=etag)
        await self._store.index.touch(entry)
        return entry

    async def _absent(self, exchange: Exchange) -> Entry:
        now = self._plan.clock()
        self._drop()
        entry = Entry(
            repository=self._plan.repository,
            path=self._plan.path,
            absent=exchange.head.status,
            reason=await reason(exchange),
            created=now,
            checked=now,
        )
        return await self._store.index.put(entry, durable=False)

    # --- a body ---

    async def _body(self, exchange: Exchange) -> Entry:
        head = exchange.head
        resumed = self._incoming is not None and head.start > 0
        if not resumed:
            await self._begin(head)
        incoming, record = self._incoming, self._record
        assert incoming is not None and record is not None
        self._keep = record.resumable
        await self._announce(incoming, record)
        async for chunk in exchange:
            await incoming.append(chunk)
            self._progress.advance(incoming.size)
        if head.length is not None and incoming.size != head.length:
            raise Broken(f"the upstream announced {head.length} bytes and sent {incoming.size}")
        return await self._enter(incoming, record, resumed=resumed)

    async def _begin(self, head: Head) -> None:
        """A new file."""
        self._drop()
        incoming = self._incoming = await IncomingFile.create(self._store.path, "d")
        self._record = Download(
            repository=self._plan.repository,
            path=self._plan.path,
            attempt=secrets.token_hex(8),
            state="active",
            file=incoming.name,
            length=head.length,
            etag=validator(head.etag),
            last_modified=http_date(head.headers.get("last-modified", "")),
            resumable=head.resumable and bool(validator(head.etag)),
            changed=self._plan.clock(),
        )

    async def _announce(self, incoming: IncomingFile, record: Download) -> None:
        """Let readers here and in other workers see the file, if there will be anything to see before the end. What
        was taken up is shown only now that the upstream has agreed to go on with it."""
        if self._plan.policy.document or (record.length is not None and record.length <= HELD_BACK):
            return
        self._progress.begin(_dup(incoming), record.length, record.last_modified)
        self._progress.advance(incoming.size)
        await self._store.index.put_download(record)

    async def _enter(self, incoming: IncomingFile, record: Download, *, resumed: bool) -> Entry:
        keep, self._keep = self._keep, False  # if this goes wrong in whatever way, nobody is to build on it
        try:
            await self._verify(incoming)
        except Corrupt as error:
            if resumed:  # perhaps the two parts do not belong together; the whole may be fine
                raise Changed(f"resumed content is wrong: {error}") from error
            raise BadUpstream(f"the upstream sent what cannot be used: {error}") from error
        self._keep = keep
        now, held = self._plan.clock(), self._held
        same = held is not None and held.digest == incoming.digest
        entry = Entry(
            repository=self._plan.repository,
            path=self._plan.path,
            digest=incoming.digest,
            size=incoming.size,
            media_type=self._plan.policy.media_type,
            etag=record.etag,
            last_modified=record.last_modified,
            published=instant(record.last_modified),
            created=held.created if held is not None and same else now,
            checked=now,
        )
        return await self._store.enter(entry, incoming.path, durable=False)

    async def _verify(self, incoming: IncomingFile) -> None:
        want = self._plan.policy.digest
        if want is not None:
            found = await offload(incoming.digest_by, want.algorithm)
            if found != want:
                raise Corrupt(f"its digest is {found}, and should be {want}")
        await offload(_checked, self._plan.check, incoming)

    # --- the end ---

    async def _failed(self, error: MxartError) -> None:
        """Let those who wait in other workers know, and the next who tries find what can be resumed."""
        now = self._plan.clock()
        record = self._record or Download(
            repository=self._plan.repository, path=self._plan.path, attempt=secrets.token_hex(8), state="failed"
        )
        came = self._incoming is not None and self._incoming.size > 0
        self._keep = self._keep and came and not isinstance(error, StoreFull)
        failed = replace(
            record,
            state="failed",
            file=record.file if self._keep else "",
            failure=_kind(error).__name__,
            message=error.message,
            retry_after=error.retry_after if isinstance(error, (Unavailable, BadUpstream)) else 0.0,
            changed=now,
        )
        try:
            await self._store.index.put_download(failed)
        except StoreFull:  # then each who waits finds out for himself, and without its record nobody finds the file
            self._keep = False

    def _leave(self) -> None:
        """Close the file, and remove it unless it was entered or can be resumed. A cancelled leader leaves its record
        as it is: the server stops, and another worker or the next start goes on."""
        if self._incoming is None:
            return
        if self._keep:
            self._incoming.close()
        else:
            self._incoming.discard()

    def _drop(self) -> None:
        if self._incoming is not None:
            self._incoming.discard()
        self._incoming = self._record = None
        self._keep = False

    def _unlink(self, name: str) -> None:
        (incoming_folder(self._store.path) / name).unlink(missing_ok=True)


def recalled(record: Download) -> MxartError:
    """The error that a failed download's record tells of."""
    if record.failure == Unavailable.__name__:
        return Unavailable(record.message, record.retry_after)
    if record.failure == StoreFull.__name__:
        return StoreFull(record.message)
    return BadUpstream(record.message, retry_after=record.retry_after)


def _kind(error: MxartError) -> type[MxartError]:
    """What the error is to those who wait in other workers: the upstream's own kinds of it are of no use to them."""
    return next((kind for kind in (Unavailable, StoreFull) if isinstance(error, kind)), BadUpstream)


def _dup(incoming: IncomingFile) -> FileIO:
    return FileIO(os.dup(incoming.file.fileno()))


def _checked(check: Callable[[BinaryIO], None], incoming: IncomingFile) -> None:
    with incoming.path.open("rb") as file:
        check(file)
