"""Challenges of an upstream answered: tokens got from the realm that it names, kept, and renewed.

The specification is the distribution project's "Token Authentication Specification" (and RFC 6750 for how tokens are
carried). Kept per worker, in memory. The configured user name and password go to the upstream and to the realm that
the upstream itself names, and to nobody else: whom it redirects to gets tokens that anybody could have.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mxart.errors import BadUpstream
from mxart.offload import offload
from mxart.settings import UpstreamSettings
from mxart.upstream import Broken, Fetch
from mxart.upstream.challenges import Challenge, choose, realm_url, token_url
from mxart.upstream.credentials import Fields, basic_fields, credential_fields, merged, standing_fields
from mxart.upstream.exchange import DirectExchange, words_of
from mxart.upstream.failures import Hidden, TimedOut, Unreachable, named
from mxart.upstream.heads import interpret
from mxart.upstream.redirects import Origin, host_of
from mxart.upstream.transfer import RawHead, Transfer

MAX_PROOFS = 4096  # that are kept; the one unused for longest goes first
MAX_ANSWER = 1024 * 1024  # bytes that a realm says
DEFAULT_LIFE = 60.0  # seconds, when the realm says nothing that makes sense
LONGEST_LIFE = 86400.0  # seconds; more is not believed
_MARGIN = 10.0  # seconds before its end in which a token is not used any more, or a tenth of its life if that is less
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")

Ask = Callable[[str, str, Fields], Awaitable[tuple[Transfer, RawHead]]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proof is good. ``ours``: it is the upstream itself, and no redirect has led there from elsewhere."""

    origin: Origin
    space: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Token:
    """What a realm gave."""

    value: str = field(repr=False)
    until: float  # UTC seconds: from then on another one is used


@dataclass(frozen=True, slots=True)
class _Proof:
    challenge: Challenge  # that it answers
    fields: Fields = field(repr=False)
    until: float  # as that of a `Token`


class Proofs:
    """What proves us at one upstream, and at those to whom it redirects.

    ``ask`` makes a request: who is asked (for messages), the URL, the header fields. ``clock``: UTC seconds.
    """

    def __init__(self, settings: UpstreamSettings, ask: Ask, fields: Fields, clock: Callable[[], float]) -> None:
        """``fields``: what every request carries."""
        self._ask = ask
        self._fields = fields
        self._clock = clock
        self._origin = Origin.of(settings.url)
        self._label = host_of(settings.url)
        self._limit = settings.connect_timeout + settings.idle_timeout
        self._username = settings.auth.username
        self._basic = basic_fields(settings.auth)
        self._standing = standing_fields(settings.auth)
        self._settled = any(name.lower() == "authorization" for name, _ in self._standing)
        self._stranger = not credential_fields(settings.auth)
        self._kept: OrderedDict[Place, _Proof] = OrderedDict()
        self._under_way: dict[Place, asyncio.Task[Fields]] = {}

    async def known(self, place: Place) -> Fields:
        """What a request carries at once; () when nothing was negotiated yet. A token that is about to expire is
        replaced first. Raises Unavailable."""
        proof = self._kept.get(place)
        if proof is None:
            return ()
        self._kept.move_to_end(place)
        if self._clock() < proof.until:
            return proof.fields
        try:
            return await self._negotiated(place, proof.challenge)
        except BadUpstream:
            self._drop(place, proof.fields)  # the realm may be another one by now: the upstream will say
            return ()

    async def answer(self, place: Place, challenges: str, carried: Fields) -> Fields:
        """What the same request is to carry next, after it was answered 401 with ``challenges`` in WWW-Authenticate;
        () when there is nothing else to try. ``carried``: the proof that was refused, which is dropped.

        Raises Hidden and other BadUpstream, Unavailable.
        """
        if place.ours and self._settled:
            return ()  # what is configured takes the place of any proof, and was refused
        proof = self._kept.get(place)
        if proof is not None and proof.fields != carried and self._clock() < proof.until:
            return proof.fields  # of somebody who was quicker
        self._drop(place, carried)
        with named(self._label):
            challenge = choose(challenges, basic=place.ours and bool(self._basic))
        if challenge is None:
            return ()
        if challenge.scheme == "basic":
            return self._with_basic(place, challenge, carried)
        return await self._negotiated(place, challenge)

    def hides(self, place: Place) -> bool:
        """Whether a 401 or 403 there means that we are strangers: nothing is configured that could prove us, and it
        is somebody who asks for such proof."""
        return self._stranger and (place.ours or place in self._kept)

    def _with_basic(self, place: Place, challenge: Challenge, carried: Fields) -> Fields:
        if carried == self._basic:
            return ()
        self._keep(place, _Proof(challenge, self._basic, math.inf))
        return self._basic

    async def _negotiated(self, place: Place, challenge: Challenge) -> Fields:
        """A new token, for all who want one of this place meanwhile."""
        task = self._under_way.get(place)
        if task is None:
            task = asyncio.create_task(self._negotiate(place, challenge))
            self._under_way[place] = task
            task.add_done_callback(lambda ended: self._ended(place, ended))
        await asyncio.wait((task,))  # who is cancelled meanwhile leaves the task to the others
        return task.result()

    def _ended(self, place: Place, task: asyncio.Task[Fields]) -> None:
        self._under_way.pop(place, None)
        if not task.cancelled():
            task.exception()  # looked at: perhaps nobody waits any more

    async def _negotiate(self, place: Place, challenge: Challenge) -> Fields:
        with named(self._label):
            realm = realm_url(challenge, place.origin)
        label = f"{host_of(realm)} (which gives the tokens for {self._label})"
        account = self._username if place.ours and self._basic else ""
        try:
            async with asyncio.timeout(self._limit):
                content = await self._asked(label, token_url(realm, challenge, account), place)
        except TimeoutError as error:
            raise TimedOut(f"{label} gave no whole answer in {self._limit:g} s") from error
        except Broken as error:
            raise Unreachable(error.message) from error  # before the answer to the request proper: worth another try
        with named(label):
            token = await offload(read_token, content, self._clock())
        fields: Fields = (("Authorization", f"Bearer {token.value}"),)
        self._keep(place, _Proof(challenge, fields, token.until))
        return fields

    async def _asked(self, label: str, url: str, place: Place) -> bytes:
        """What the realm answers with 200. Raises Hidden and other BadUpstream, Throttled, Unreachable, TimedOut."""
        standing = self._standing if place.ours and Origin.of(url) == self._origin else ()
        proof = self._basic if place.ours else ()
        transfer, raw = await self._ask(label, url, merged(standing, proof, self._fields))
        try:
            raw = RawHead(raw.status, raw.headers, await words_of(transfer, raw))
            if raw.status in (401, 403):
                raise self._refused(label, raw.status, proven=bool(standing or proof))
            asked = Fetch(path="", max_size=MAX_ANSWER)
            head = interpret(label, raw, asked, url, self._clock())
            if head.status != 200:
                raise BadUpstream(f"{label} answered {head.status}", head.status)
            return b"".join([chunk async for chunk in DirectExchange(head, transfer, label, MAX_ANSWER)])
        finally:
            if raw.status >= 300:
                await transfer.discard()  # small, and then the connection is kept
            transfer.abandon()

    def _refused(self, label: str, status: int, *, proven: bool) -> BadUpstream:
        if proven:
            return BadUpstream(f"{label} answered {status}: check the auth of this repository", status)
        if self._stranger:
            return hidden(f"{label} gives no token to strangers: {self._label}", status)
        return BadUpstream(f"{label} gives no token to strangers", status)

    def _keep(self, place: Place, proof: _Proof) -> None:
        self._kept[place] = proof
        self._kept.move_to_end(place)
        while len(self._kept) > MAX_PROOFS:
            self._kept.popitem(last=False)

    def _drop(self, place: Place, refused: Fields) -> None:
        proof = self._kept.get(place)
        if proof is not None and proof.fields == refused:
            del self._kept[place]


def hidden(label: str, status: int) -> Hidden:
    """The refusal, in words."""
    return Hidden(
        f"{label} shows this to nobody who has not logged in, or does not have it: if it is there, set auth", status
    )


def read_token(content: bytes, now: float) -> Token:
    """The token in a realm's answer, which came at ``now`` (UTC seconds). Raises BadUpstream, which does not repeat
    it."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise BadUpstream("the token that it gave is not in JSON") from None  # whose errors hold what was read
    if not isinstance(document, dict):
        raise BadUpstream("the token that it gave is not in a JSON object")
    value = document.get("token") or document.get("access_token")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise BadUpstream("it gave no token, or one that cannot be sent")
    life = _life(document.get("expires_in"))
    return Token(value, _begin(document.get("issued_at"), life, now) + life - min(_MARGIN, life / 10))


def _life(stated: object) -> float:
    if isinstance(stated, bool) or not isinstance(stated, (int, float)) or not stated > 0:
        return DEFAULT_LIFE
    return min(stated, LONGEST_LIFE)


def _begin(stated: object, life: float, now: float) -> float:
    """When a token's life began. What cannot be is taken for a clock that goes wrong."""
    if not isinstance(stated, str):
        return now
    try:
        moment = datetime.fromisoformat(stated)
        issued = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return now
    return issued if now - life < issued < now else now
