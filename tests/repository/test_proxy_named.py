"""A proxy of what has a digest for its name: HEAD is asked where the content is not wanted or not needed, a tag is
confirmed by its digest, and what came by one name is not fetched again by another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from mxart.contract import Context
from mxart.errors import BadUpstream, Gone, MxartError, NotFound, Unavailable
from mxart.model import Blob, Entry, Outline
from mxart.store import Store
from tests.repository.named import BRIEF, OTHER_TYPE, PROBE, TYPE, NamedFormat, blob_path, doc, doc_path
from tests.repository.parts import BIG, Answer, Worker, incoming, resource, store_files
from tests.store.builders import digest_of, keep
from tests.support.upstream import Answer as Reply
from tests.support.upstream import Behaviour, ScriptedUpstream, Seen

TTL, NEGATIVE_TTL = 300.0, 60.0
LAYER = blob_path("m", BIG)
DOC, NEXT = doc(BIG), doc(BIG, media_type=OTHER_TYPE)
REFUSALS = [400, 403, 405, 501]


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker(format=NamedFormat())


def by_method(head: Behaviour, get: Behaviour) -> Behaviour:
    return lambda seen: (head if seen.method == "HEAD" else get)(seen)


def tagged(data: bytes) -> Reply:
    """What an upstream answers for a tag."""
    return Reply(body=data, headers={PROBE: str(digest_of(data)), "Content-Type": "text/html"})


def asked(upstream: ScriptedUpstream) -> list[str]:
    """Each request since this was asked last, as METHOD PATH."""
    seen = [f"{request.method} {request.path}" for request in upstream.requests]
    upstream.requests.clear()
    return seen


async def outlined(worker: Worker, path: str) -> Answer:
    return await worker.get(path, head_only=True)


async def got(worker: Worker, path: str) -> bytes:
    return await (await worker.get(path)).read()


async def refused(worker: Worker, path: str, **context: bool) -> MxartError:
    with pytest.raises(MxartError) as caught:
        (await worker.get(path, **context)).content.close()
    return caught.value


async def entry_of(store: Store, path: str) -> Entry:
    entry = await store.index.get("go", path)
    assert entry is not None
    return entry


async def known(upstream: ScriptedUpstream, worker: Worker) -> None:
    """After this the repository has BIG, under another name."""
    upstream.static(f"/{blob_path('n', BIG)}", BIG)
    await got(worker, blob_path("n", BIG))
    asked(upstream)


# --- who does not want the content ---


@pytest.mark.gen_test
async def test_a_look_downloads_nothing(upstream: ScriptedUpstream, worker: Worker, store: Store) -> None:
    upstream.static(f"/{LAYER}", BIG, media_type="text/html")
    answer = await outlined(worker, LAYER)
    assert answer.content == Outline(size=len(BIG), media_type="application/blob", etag=f'"{digest_of(BIG).hex}"')
    assert answer.cache_status == "mxart; fwd=miss"
    assert asked(upstream) == [f"HEAD /{LAYER}"]
    assert (incoming(store), list(store.blobs.walk()), await store.index.list("go")) == ([], [], [])
    assert await got(worker, LAYER) == BIG
    assert asked(upstream) == [f"GET /{LAYER}"]
    answer = await outlined(worker, LAYER)
    assert isinstance(answer.content, Blob)
    answer.content.close()
    assert (answer.cache_status, asked(upstream)) == ("mxart; hit", [])


@pytest.mark.gen_test
async def test_of_an_upstream_that_does_not_say_it_no_size_is_known(upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.script("/a.zip", Reply(body=BIG, framing="chunked"))
    answer = await outlined(worker, "a.zip")
    assert answer.content == Outline(size=None, media_type="application/zip", etag="")


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.gen_test
async def test_an_upstream_that_knows_only_get_sends_the_whole(
    upstream: ScriptedUpstream, worker: Worker, store: Store, status: int
) -> None:
    upstream.script(f"/{LAYER}", by_method(Reply(status=status), Reply(body=BIG)))
    answer = await outlined(worker, LAYER)
    assert await answer.read() == BIG
    assert asked(upstream) == [f"HEAD /{LAYER}", f"GET /{LAYER}"]
    (await outlined(worker, LAYER)).content.close()
    assert asked(upstream) == []


@pytest.mark.gen_test
async def test_a_document_is_fetched_by_whoever_asks(upstream: ScriptedUpstream, worker: Worker) -> None:
    path = doc_path("m", DOC)
    upstream.static(f"/{path}", DOC)
    answer = await outlined(worker, path)
    assert isinstance(answer.content, Blob)
    answer.content.close()
    assert (answer.content.media_type, asked(upstream)) == (TYPE, [f"GET /{path}"])


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(status=404), NotFound),
        (Reply(status=410), Gone),
        (Reply(status=401), NotFound),  # to strangers, and we are one
        (Reply(status=500), BadUpstream),
        (Reply(status=418), BadUpstream),
        (Reply(status=429, headers={"Retry-After": "100"}), Unavailable),
        (Reply(status=503), Unavailable),
        (Reply(reset=True), Unavailable),
    ],
)
@pytest.mark.gen_test
async def test_what_a_look_finds_when_it_finds_nothing(
    upstream: ScriptedUpstream, worker: Worker, reply: Reply, kind: type[MxartError]
) -> None:
    upstream.script(f"/{LAYER}", reply)
    error = await refused(worker, LAYER, head_only=True)
    assert type(error) is kind or (kind is not NotFound and isinstance(error, kind))
    assert set(asked(upstream)) == {f"HEAD /{LAYER}"}


@pytest.mark.gen_test
async def test_403_to_a_look_is_not_yet_an_absence(upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.script(f"/{LAYER}", Reply(status=403))
    assert type(await refused(worker, LAYER, head_only=True)) is NotFound
    assert asked(upstream) == [f"HEAD /{LAYER}", f"GET /{LAYER}"]
    assert type(await refused(worker, LAYER, head_only=True)) is NotFound
    assert asked(upstream) == []  # it is remembered


@pytest.mark.gen_test
async def test_who_asks_only_for_what_is_held_looks_nowhere(upstream: ScriptedUpstream, worker: Worker) -> None:
    assert type(await refused(worker, LAYER, head_only=True, cached_only=True)) is NotFound
    assert asked(upstream) == []


@pytest.mark.gen_test
async def test_a_remembered_absence_answers_a_look(upstream: ScriptedUpstream, worker: Worker) -> None:
    await refused(worker, LAYER)
    asked(upstream)
    assert type(await refused(worker, LAYER, head_only=True)) is NotFound
    assert asked(upstream) == []


@pytest.mark.gen_test
async def test_who_leaves_while_looking_leaves_nothing(upstream: ScriptedUpstream, worker: Worker) -> None:
    release = threading.Event()
    upstream.script(f"/{LAYER}", Reply(body=BIG, delay=release))
    before = store_files()
    looking = asyncio.ensure_future(outlined(worker, LAYER))
    await asyncio.to_thread(upstream.wait_for, 1)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    release.set()
    assert store_files() == before
    assert (await outlined(worker, LAYER)).content == Outline(
        size=len(BIG), media_type="application/blob", etag=f'"{digest_of(BIG).hex}"'
    )


# --- tags: a name that moves ---


@pytest.mark.gen_test
async def test_a_tag_says_of_which_type_it_is_and_is_asked_for_with_all_that_we_read(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    upstream.script("/m/1.tag", tagged(DOC))
    answer = await worker.get("m/1.tag")
    assert isinstance(answer.content, Blob)
    assert (answer.content.media_type, await answer.read()) == (TYPE, DOC)
    assert upstream.requests[0].headers["accept"] == "text/*"
    assert (await entry_of(store, "m/1.tag")).media_type == TYPE
    answer = await worker.get("m/1.tag")
    assert isinstance(answer.content, Blob)
    assert (answer.content.media_type, await answer.read()) == (TYPE, DOC)


@pytest.mark.gen_test
async def test_what_a_tag_names_stands_under_its_digest_at_once(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    upstream.script("/m/1.tag", Reply(body=DOC, headers={"ETag": '"1"', PROBE: str(digest_of(DOC))}))
    assert await got(worker, "m/1.tag") == DOC
    answer = await worker.get(doc_path("m", DOC))
    assert isinstance(answer.content, Blob)
    assert (answer.content.media_type, await answer.read(), answer.cache_status) == (TYPE, DOC, "mxart; hit")
    assert asked(upstream) == ["GET /m/1.tag"]
    entry = await entry_of(store, doc_path("m", DOC))
    assert (entry.etag, entry.media_type) == ("", TYPE)
    assert [change.path for change in await store.index.changes()] == ["m/1.tag", doc_path("m", DOC)]
    record = await store.index.blob(digest_of(DOC))
    assert record is not None
    assert record.references == 2
    worker.clock.now += TTL
    upstream.script("/m/1.tag", tagged(NEXT))
    assert await got(worker, "m/1.tag") == NEXT
    assert await got(worker, doc_path("m", DOC)) == DOC  # who knows it by its digest has it still
    assert await store.index.miscounts() == []


@pytest.mark.gen_test
async def test_a_tag_without_a_type_is_refused_and_nothing_of_it_stays(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    upstream.script("/m/1.tag", tagged(b"no type"))
    assert isinstance(await refused(worker, "m/1.tag"), BadUpstream)
    assert (await store.index.list("go"), list(store.blobs.walk()), incoming(store)) == ([], [], [])


@pytest.mark.parametrize(("path", "ttl"), [("m/brief.tag", BRIEF), ("m/1.tag", TTL), ("m/fixed1.tag", 1e9)])
@pytest.mark.gen_test
async def test_each_tag_is_fresh_for_its_own_time(
    upstream: ScriptedUpstream, worker: Worker, path: str, ttl: float
) -> None:
    upstream.script(f"/{path}", tagged(DOC))
    await got(worker, path)
    asked(upstream)
    worker.clock.now += ttl - 1.0
    await got(worker, path)
    assert asked(upstream) == []
    worker.clock.now += 1.0
    await got(worker, path)
    assert asked(upstream) == ([] if "fixed" in path else [f"HEAD /{path}"])


SAME = Reply(headers={PROBE: str(digest_of(DOC))})
MOVED = Reply(headers={PROBE: str(digest_of(NEXT))})


@pytest.mark.parametrize(
    ("head", "get", "methods", "content"),
    [
        (SAME, tagged(NEXT), ["HEAD"], DOC),
        (MOVED, tagged(NEXT), ["HEAD", "GET"], NEXT),
        (Reply(), tagged(NEXT), ["HEAD", "GET"], NEXT),  # without the field
        (Reply(headers={PROBE: "sha256:rubbish"}), tagged(DOC), ["HEAD", "GET"], DOC),
        (Reply(headers={PROBE: f"{digest_of(DOC)}, {digest_of(DOC)}"}), tagged(DOC), ["HEAD", "GET"], DOC),
        *((Reply(status=status), tagged(NEXT), ["HEAD", "GET"], NEXT) for status in REFUSALS),
        (Reply(status=401), tagged(NEXT), ["HEAD"], DOC),  # hidden: it was there
        (Reply(status=429, headers={"Retry-After": "9"}), tagged(NEXT), ["HEAD"], DOC),
        (Reply(status=500), tagged(NEXT), ["HEAD"], DOC),
        (Reply(reset=True), tagged(NEXT), ["HEAD"], DOC),
        (MOVED, Reply(status=429, headers={"Retry-After": "9"}), ["HEAD", "GET"], DOC),
        (MOVED, Reply(status=401), ["HEAD", "GET"], DOC),
        (MOVED, tagged(b"no type"), ["HEAD", "GET"], DOC),
    ],
)
@pytest.mark.gen_test
async def test_an_old_tag_is_confirmed_by_a_look(
    upstream: ScriptedUpstream,
    worker: Worker,
    store: Store,
    head: Behaviour,
    get: Behaviour,
    methods: Sequence[str],
    content: bytes,
) -> None:
    upstream.script("/m/1.tag", tagged(DOC))
    await got(worker, "m/1.tag")
    asked(upstream)
    upstream.script("/m/1.tag", by_method(head, get))
    worker.clock.now += TTL
    answer = await worker.get("m/1.tag")
    assert await answer.read() == content
    assert "fwd=stale" in answer.cache_status
    assert list(dict.fromkeys(asked(upstream))) == [f"{method} /m/1.tag" for method in methods]  # curl may try twice
    after = await entry_of(store, "m/1.tag")
    assert (after.digest, after.media_type) == (digest_of(content), TYPE if content == DOC else OTHER_TYPE)


@pytest.mark.gen_test
async def test_a_confirmed_tag_is_fresh_and_no_change(upstream: ScriptedUpstream, worker: Worker, store: Store) -> None:
    upstream.script("/m/1.tag", tagged(DOC))
    await got(worker, "m/1.tag")
    changes = await store.index.changes()
    worker.clock.now += TTL
    await got(worker, "m/1.tag")
    asked(upstream)
    await got(worker, "m/1.tag")
    assert asked(upstream) == []
    assert await store.index.changes() == changes


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (410, Gone)])
@pytest.mark.gen_test
async def test_a_tag_that_a_look_does_not_find_is_no_longer_served(
    upstream: ScriptedUpstream, worker: Worker, store: Store, status: int, kind: type[NotFound]
) -> None:
    upstream.script("/m/1.tag", tagged(DOC))
    await got(worker, "m/1.tag")
    asked(upstream)
    worker.clock.now += TTL
    upstream.script("/m/1.tag", Reply(status=status))
    for _ in range(2):
        assert type(await refused(worker, "m/1.tag")) is kind
    assert asked(upstream) == ["HEAD /m/1.tag"]
    assert await got(worker, doc_path("m", DOC)) == DOC


@pytest.mark.gen_test
async def test_many_who_ask_for_an_old_tag_are_one_look(
    upstream: ScriptedUpstream, make_worker: Callable[..., Worker], worker: Worker
) -> None:
    other = make_worker(format=NamedFormat(), clock=worker.clock)
    upstream.script("/m/1.tag", tagged(DOC))
    await got(worker, "m/1.tag")
    asked(upstream)
    worker.clock.now += TTL
    release = threading.Event()
    upstream.script("/m/1.tag", SAME.but(delay=release))
    asking = [asyncio.ensure_future(got(each, "m/1.tag")) for each in (worker, other) for _ in range(5)]
    await asyncio.to_thread(upstream.wait_for, 1)
    release.set()
    assert await asyncio.gather(*asking) == [DOC] * 10
    assert asked(upstream) == ["HEAD /m/1.tag"]


# --- what the store has already ---


@pytest.mark.gen_test
async def test_what_came_by_another_name_is_not_fetched_again(
    upstream: ScriptedUpstream, worker: Worker, store: Store
) -> None:
    for package in "mn":
        upstream.static(f"/{blob_path(package, BIG)}", BIG)
    await got(worker, LAYER)
    asked(upstream)
    answer = await worker.get(blob_path("n", BIG))
    assert isinstance(answer.content, Blob)
    assert (answer.content.media_type, await answer.read()) == ("application/blob", BIG)
    assert answer.cache_status == "mxart; fwd=miss; stored"
    assert asked(upstream) == [f"HEAD /{blob_path('n', BIG)}"]
    await got(worker, blob_path("n", BIG))
    assert asked(upstream) == []
    record = await store.index.blob(digest_of(BIG))
    assert record is not None
    assert record.references == 2


@pytest.mark.gen_test
async def test_what_another_repository_has_is_its_own(upstream: ScriptedUpstream, worker: Worker, store: Store) -> None:
    await keep(store, "anything", BIG, "house")
    upstream.script(f"/{LAYER}", by_method(Reply(body=BIG), Reply(status=404)))  # it says that it has it
    assert type(await refused(worker, LAYER)) is NotFound
    assert asked(upstream) == [f"GET /{LAYER}"]


@pytest.mark.parametrize(
    ("reply", "kind"), [(404, NotFound), (410, Gone), (401, NotFound), (500, BadUpstream), (503, Unavailable)]
)
@pytest.mark.gen_test
async def test_what_the_store_has_is_given_only_where_the_upstream_has_it(
    upstream: ScriptedUpstream, worker: Worker, store: Store, reply: int, kind: type[MxartError]
) -> None:
    await known(upstream, worker)
    upstream.script(f"/{LAYER}", Reply(status=reply))
    assert isinstance(await refused(worker, LAYER), kind)
    assert set(asked(upstream)) == {f"HEAD /{LAYER}"}
    held = await store.index.get("go", LAYER)
    assert (held is not None and held.digest is None) == (reply in (404, 410, 401))


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.gen_test
async def test_where_no_look_is_possible_the_whole_is_fetched(
    upstream: ScriptedUpstream, worker: Worker, store: Store, status: int
) -> None:
    await known(upstream, worker)
    upstream.script(f"/{LAYER}", by_method(Reply(status=status), Reply(body=BIG)))
    assert await got(worker, LAYER) == BIG
    assert asked(upstream) == [f"HEAD /{LAYER}", f"GET /{LAYER}"]
    assert len(list(store.blobs.walk())) == 1


@pytest.mark.parametrize("damage", [True, False])
@pytest.mark.gen_test
async def test_what_the_index_remembers_and_the_store_has_lost_is_fetched(
    upstream: ScriptedUpstream, worker: Worker, store: Store, damage: bool
) -> None:
    await known(upstream, worker)
    if damage:
        await store.blobs.delete(digest_of(BIG))
    else:  # what nobody names any more is there until gc takes it
        await store.index.delete("go", blob_path("n", BIG), 1.0)
        await store.index.expire_trash(2.0)
    upstream.static(f"/{LAYER}", BIG)
    assert await got(worker, LAYER) == BIG
    assert asked(upstream) == [*([f"HEAD /{LAYER}"] if damage else []), f"GET /{LAYER}"]
    record = await store.index.blob(digest_of(BIG))
    assert record is not None
    assert (record.references, record.loose_since) == (2 if damage else 1, 0.0)
    assert await store.index.miscounts() == []


@pytest.mark.parametrize(("held", "method"), [(False, "GET"), (True, "HEAD")])
@pytest.mark.gen_test
async def test_many_who_want_one_blob_are_one_request(
    upstream: ScriptedUpstream,
    make_worker: Callable[..., Worker],
    worker: Worker,
    store: Store,
    held: bool,
    method: str,
) -> None:
    other = make_worker(format=NamedFormat(), clock=worker.clock)
    if held:
        await known(upstream, worker)
    release = threading.Event()
    upstream.script(f"/{LAYER}", Reply(body=BIG, delay=release))
    asking = [asyncio.ensure_future(got(each, LAYER)) for each in (worker, other) for _ in range(10)]
    await asyncio.to_thread(upstream.wait_for, 1)
    release.set()
    assert await asyncio.gather(*asking) == [BIG] * 20
    assert asked(upstream) == [f"{method} /{LAYER}"]


# --- what strangers are not shown ---


@pytest.mark.parametrize("path", [LAYER, "m/1.tag"])
@pytest.mark.gen_test
async def test_what_is_hidden_from_strangers_is_absent_for_a_while(
    upstream: ScriptedUpstream, worker: Worker, path: str
) -> None:
    upstream.script(f"/{path}", Reply(status=401))
    error = await refused(worker, path)
    assert type(error) is NotFound
    assert "set auth" in error.message
    assert asked(upstream) == [f"GET /{path}"]
    worker.clock.now += NEGATIVE_TTL - 1.0
    await refused(worker, path)
    assert asked(upstream) == []
    worker.clock.now += 1.0
    upstream.script(f"/{path}", tagged(DOC) if path.endswith("tag") else Reply(body=BIG))
    await got(worker, path)


@pytest.mark.gen_test
async def test_what_is_hidden_by_now_is_the_copy(upstream: ScriptedUpstream, worker: Worker, store: Store) -> None:
    upstream.script("/m/1.tag", tagged(DOC))
    await got(worker, "m/1.tag")
    worker.clock.now += TTL
    upstream.script("/m/1.tag", Reply(status=401))
    answer = await worker.get("m/1.tag")
    assert await answer.read() == DOC
    assert answer.cache_status == "mxart; fwd=stale; fwd-status=401"
    assert (await entry_of(store, "m/1.tag")).digest == digest_of(DOC)


# --- what an upstream need not know of ---

STRANGE = [Reply(status=400), Reply(status=405), Reply(status=406), Reply(status=501), Reply(body=b"corrupt page")]


@pytest.mark.parametrize("reply", STRANGE)
@pytest.mark.gen_test
async def test_a_question_that_is_not_understood_finds_nothing(
    upstream: ScriptedUpstream, worker: Worker, reply: Reply
) -> None:
    upstream.script("/m/1.extra", reply)
    assert type(await refused(worker, "m/1.extra")) is NotFound
    assert set(asked(upstream)) == {"GET /m/1.extra"}
    await refused(worker, "m/1.extra")
    assert asked(upstream) == []  # it is remembered
    upstream.script("/m/1.zip", reply)
    assert isinstance(await refused(worker, "m/1.zip"), BadUpstream)  # of what it must know, that says nothing


@pytest.mark.parametrize("reply", STRANGE)
@pytest.mark.gen_test
async def test_what_is_not_understood_any_more_is_the_copy(
    upstream: ScriptedUpstream, worker: Worker, reply: Reply
) -> None:
    upstream.script("/m/1.extra", Reply(body=DOC))
    await got(worker, "m/1.extra")
    worker.clock.now += TTL
    upstream.script("/m/1.extra", reply)
    assert await got(worker, "m/1.extra") == DOC


@pytest.mark.parametrize(
    "reply", [Reply(status=500), Reply(status=503), Reply(status=429), Reply(status=418), Reply(reset=True)]
)
@pytest.mark.gen_test
async def test_an_upstream_that_fails_has_not_said_that_it_has_none(
    upstream: ScriptedUpstream, worker: Worker, reply: Reply
) -> None:
    upstream.script("/m/1.extra", reply)
    assert isinstance(await refused(worker, "m/1.extra"), (BadUpstream, Unavailable))


# --- whom credentials are for ---


@pytest.mark.gen_test
async def test_credentials_are_negotiated_for_each_package(upstream: ScriptedUpstream, worker: Worker) -> None:
    def guarded(seen: Seen) -> Reply:
        package = seen.path.split("/")[1]
        if seen.headers.get("authorization") == f"Bearer {package}":
            return Reply(body=BIG)
        challenge = f'Bearer realm="{upstream.url}/token",scope="{package}"'
        return Reply(status=401, headers={"WWW-Authenticate": challenge})

    for package in "mn":
        upstream.script(f"/{blob_path(package, BIG)}", guarded)
        upstream.script(f"/token?scope={package}", Reply(body=b'{"token": "%s"}' % package.encode()))
    for package in "mn":
        assert await got(worker, blob_path(package, BIG)) == BIG
    assert upstream.count("/token?scope=m") == upstream.count("/token?scope=n") == 1


@pytest.mark.gen_test
async def test_the_packages_are_those_of_which_content_is_held(upstream: ScriptedUpstream, worker: Worker) -> None:
    upstream.static(f"/{LAYER}", BIG)
    await got(worker, LAYER)
    await refused(worker, blob_path("n", BIG))
    (await outlined(worker, LAYER)).content.close()
    assert await worker.proxy.packages(Context()) == ["m"]
    assert (await worker.proxy.list(resource("n/"), Context())) == []
