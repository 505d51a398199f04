"""The work of the one who downloads: ask the upstream, write what comes, verify it, enter it. Called with the fetch
lock of the key held; whoever else wants the content follows the `Progress` or, in another worker, the file.

Whatever goes wrong, nothing unverified is entered. What came of a resumable body stays in ``incoming/`` for the next
who tries; everything else is removed at once.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import FileIO
from typing import BinaryIO

from mxart.contract import Policy
from mxart.errors import BadUpstream, Corrupt, MxartError, StoreFull, Unavailable
from mxart.model import Digest, Entry, Resource
from mxart.offload import offload
from mxart.repository.growing import HELD_BACK, Progress
from mxart.repository.heads import http_date, instant, reason, validator
from mxart.repository.proofs import Proofs
from mxart.store import Download, Store
from mxart.store.incoming import IncomingFile
from mxart.store.layout import incoming_folder
from mxart.upstream import Broken, Changed, Exchange, Fetch, Head, Upstream
from mxart.upstream.failures import Hidden

log = logging.getLogger("mxart.repository")

NO_HEAD = (400, 403, 405, 501)  # what upstreams, and stores that they send us to, say to HEAD who know only GET
_NOT_UNDERSTOOD = (400, 405, 406, 501)  # what they say to a question that they do not know
_RESUME_AGE = 86400.0  # seconds; what an older failure left is not built upon


class Unusable(BadUpstream):
    """The upstream has answered with something else than what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to download, and how to know that it is right."""

    repository: str
    resource: Resource
    upstream: Upstream
    upstream_path: str
    policy: Policy
    check: Callable[[BinaryIO], str]  # the media type that the content tells, or ""; raises Corrupt; runs in a thread
    asks: Callable[[Resource], Fetch]  # what asks the upstream for another of its resources
    aliases: Callable[[Digest], Sequence[str]]  # further paths that the content stands at, once its SHA-256 is known
    settled: Callable[[Entry, float], bool]  # does it answer who has waited since then (UTC seconds)?
    readable: Callable[[Entry], bool]  # does the store have its blob?
    retries: int  # how often a body that cannot be resumed is begun anew
    clock: Callable[[], float]  # UTC seconds

    @property
    def path(self) -> str:
        return self.resource.path


def fetch_of(upstream_path: str, resource: Resource, policy: Policy) -> Fetch:
    """What asks for the resource, unconditionally and from its start."""
    return Fetch(
        path=upstream_path,
        max_size=policy.max_size,
        headers={"Accept": policy.accept} if policy.accept else {},
        space=resource.package if policy.negotiated else "",
        paged=policy.paged,
    )


@dataclass(frozen=True, slots=True)
class _Whole:
    """A body that has come to its end, and its record; ``resumed``: its beginning came earlier."""

    incoming: IncomingFile
    record: Download
    resumed: bool


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
        self._proofs: Proofs | None = None  # of the current attempt

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
            await self._end_proofs()
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
                log.info("%s/%s: from the start again: %s", self._plan.repository, self._plan.resource.title, error)
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
        """One request, from its head to the entry. A resumed file that is whole needs none; nor does what a look at
        the head is enough for."""
        incoming, left = self._incoming, self._record
        if incoming is not None and left is not None and incoming.size == left.length:
            await self._begin_proofs(None)
            return await self._enter(incoming, left, resumed=True)
        try:
            if incoming is None and (entry := await self._by_head()) is not None:
                return entry
            async with self._plan.upstream.fetch(self._fetch()) as exchange:
                came = await self._answered(exchange)
            if isinstance(came, Entry):
                return came
            # not before the connection is free: what proves the content may have to wait for one
            return await self._enter(came.incoming, came.record, resumed=came.resumed)
        except BadUpstream as error:
            if not self._means_absent(error) or (self._held is not None and self._held.digest is not None):
                raise  # where it was there, whoever asks gets the copy
            return await self._absent(404, error.message)

    def _means_absent(self, error: BadUpstream) -> bool:
        """Does the upstream say so that it has none, as far as it tells us?"""
        if isinstance(error, Hidden):
            return True
        return self._plan.policy.optional and (error.status in _NOT_UNDERSTOOD or isinstance(error, Unusable))

    async def _answered(self, exchange: Exchange) -> Entry | _Whole:
        head = exchange.head
        self._progress.status = head.status
        if head.status == 304:
            return await self._confirmed(head)
        if head.status in (404, 410):
            return await self._absent(head.status, await reason(exchange))
        return await self._body(exchange)

    def _fetch(self) -> Fetch:
        plan, incoming = self._plan, self._incoming
        fetch = fetch_of(plan.upstream_path, plan.resource, plan.policy)
        if incoming is not None and self._record is not None:
            return replace(fetch, start=incoming.size, validator=self._record.etag)
        return replace(fetch, headers={**fetch.headers, **self._conditions()})

    # --- when the head tells enough ---

    async def _by_head(self) -> Entry | None:
        """The entry, when HEAD is enough to know it: what we hold is what the upstream has, or has under another name.
        None when the content must be asked for."""
        known = await self._known()
        if known is None:
            return None
        plan = self._plan
        asked = replace(fetch_of(plan.upstream_path, plan.resource, plan.policy), method="HEAD")
        try:
            async with plan.upstream.fetch(asked) as exchange:
                head = exchange.head
        except BadUpstream as error:
            if error.status in NO_HEAD:
                return None
            raise
        self._progress.status = head.status
        if head.status in (404, 410):
            return await self._absent(head.status, "")
        if head.status != 200:
            return None
        if plan.policy.digest is None:
            return await self._confirmed_by(head)
        return await self._store.link(self._entry(plan.policy.digest, known.size, ""), durable=False)

    async def _known(self) -> Entry | None:
        """What a look at the upstream may confirm: our copy, or content that came by another name."""
        policy, held = self._plan.policy, self._held
        if policy.probe:
            return held if held is not None and self._plan.readable(held) else None
        digest = self._shareable
        if digest is None:
            return None
        elsewhere = await self._store.index.choice(self._plan.repository, _known_by(digest))
        entry = await self._store.index.get(self._plan.repository, elsewhere) if elsewhere else None
        return entry if entry is not None and entry.digest == digest else None

    @property
    def _shareable(self) -> Digest | None:
        """The digest by which the content is found again under another name. Only within this repository: what others
        hold is theirs to show, whatever an upstream says that it has."""
        policy = self._plan.policy
        by_digest = policy.digest is not None and policy.digest.algorithm == "sha256" and not policy.document
        return policy.digest if by_digest else None

    async def _remember(self) -> None:
        """True after: the content is found by its digest, if it has one for a name."""
        digest = self._shareable
        if digest is not None:
            with suppress(StoreFull):  # then it is fetched again for its next name
                await self._store.index.choose(self._plan.repository, _known_by(digest), self._plan.path)

    async def _confirmed_by(self, head: Head) -> Entry | None:
        assert self._held is not None  # else there was nothing to ask about
        stated = head.headers.get(self._plan.policy.probe, "")
        return await self._confirmed(head) if stated == str(self._held.digest) else None

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

    async def _absent(self, status: int, words: str) -> Entry:
        now = self._plan.clock()
        self._drop()
        entry = Entry(
            repository=self._plan.repository,
            path=self._plan.path,
            absent=status,
            reason=words,
            created=now,
            checked=now,
        )
        return await self._store.index.put(entry, durable=False)

    # --- a body ---

    async def _body(self, exchange: Exchange) -> _Whole:
        head = exchange.head
        await self._begin_proofs(head)
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
        return _Whole(incoming, record, resumed)

    async def _begin(self, head: Head) -> None:
        """A new file."""
        self._drop()
        checksums = self._plan.policy.checksums
        incoming = self._incoming = await IncomingFile.create(self._store.path, "d", algorithms=checksums)
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
        checksums = await offload(incoming.checksums, self._plan.policy.checksums)
        try:
            media_type = await self._verify(incoming, checksums)
        except Corrupt as error:
            _forget_content(error)
            if resumed:  # perhaps the two parts do not belong together; the whole may be fine
                raise Changed(f"resumed content is wrong: {error}") from error
            raise Unusable(f"the upstream sent what cannot be used: {error}") from error
        self._keep = keep
        entry = self._entry(incoming.digest, incoming.size, media_type, record)
        entry = replace(entry, checksums=checksums)
        aliases = self._plan.aliases(incoming.digest)
        others = [replace(entry, path=path, etag="", created=entry.checked) for path in aliases]
        entered = await self._store.enter(entry, incoming.path, durable=False, others=others)
        await self._remember()
        return entered

    def _entry(self, digest: Digest, size: int, media_type: str, record: Download | None = None) -> Entry:
        now, held = self._plan.clock(), self._held
        same = held is not None and held.digest == digest
        return Entry(
            repository=self._plan.repository,
            path=self._plan.path,
            digest=digest,
            size=size,
            media_type=media_type or self._plan.policy.media_type,
            etag=record.etag if record else "",
            last_modified=record.last_modified if record else "",
            published=instant(record.last_modified) if record else 0.0,
            created=held.created if held is not None and same else now,
            checked=now,
        )

    async def _verify(self, incoming: IncomingFile, checksums: Mapping[str, str]) -> str:
        """The media type that the content tells, or "". Raises Corrupt; Unavailable and BadUpstream when what must be
        compared cannot be had."""
        want = self._plan.policy.digest
        if want is not None:
            found = await offload(incoming.digest_by, want.algorithm)
            if found != want:
                raise Corrupt(f"its digest is {found}, and should be {want}")
        if self._proofs is not None:
            await self._proofs.compare({**checksums, "sha256": incoming.digest.hex})
        return await offload(_checked, self._plan.check, incoming)

    # --- what the upstream says beside the content ---

    async def _begin_proofs(self, head: Head | None) -> None:
        """From now on it is known, or being asked for, what the upstream says of the content. ``head``: of the answer
        with its first or its last part; None: all has come already."""
        await self._end_proofs()
        if self._plan.policy.proof is not None:
            self._proofs = Proofs(self._plan, self._plan.policy.proof, {} if head is None else head.headers)
            self._progress.checksums = self._proofs.promised

    async def _end_proofs(self) -> None:
        proofs, self._proofs = self._proofs, None
        if proofs is not None:
            await proofs.close()

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


def _known_by(digest: Digest) -> str:
    """Under what a repository remembers where it has the content (`Index.choice`)."""
    return f"={digest}"


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


def _forget_content(error: Corrupt) -> None:
    """The error is kept for as long as somebody waits for it, and longer: its frames and its origins hold all that was
    read, which may be hundreds of megabytes."""
    error.__traceback__ = error.__cause__ = error.__context__ = None


def _checked(check: Callable[[BinaryIO], str], incoming: IncomingFile) -> str:
    with incoming.path.open("rb") as file:
        return check(file)
