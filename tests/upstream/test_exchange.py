"""Bodies read from a transfer, and what is left of them for messages."""

from __future__ import annotations

import pytest

from mxart.errors import BadUpstream
from mxart.upstream import Broken, Head
from mxart.upstream.client import Call, Curl
from mxart.upstream.exchange import DirectExchange, HeadExchange, words_of
from tests.support.upstream import Answer, ScriptedUpstream, gzipped

pytestmark = pytest.mark.gen_test


async def body_of(curl: Curl, scripted: ScriptedUpstream, answer: Answer, limit: int, length: int | None) -> bytes:
    scripted.script("/a", answer)
    transfer = curl.start(Call(label="up", url=f"{scripted.url}/a", proxy=""))
    try:
        raw = await transfer.head()
        head = Head(status=raw.status, url=scripted.url, headers=raw.headers, length=length)
        return b"".join([chunk async for chunk in DirectExchange(head, transfer, "up", limit)])
    finally:
        transfer.abandon()


WHOLE: list[tuple[Answer, int | None]] = [
    (Answer(body=b"x" * 10), 10),
    (Answer(body=b"x" * 10, framing="chunked"), None),
    (gzipped(b"x" * 10), None),
]


@pytest.mark.parametrize(("answer", "length"), WHOLE)
async def test_whole_bodies(curl: Curl, scripted: ScriptedUpstream, answer: Answer, length: int | None) -> None:
    assert await body_of(curl, scripted, answer, 10, length) == b"x" * 10
    with pytest.raises(BadUpstream, match="more than the 9 bytes"):
        await body_of(curl, scripted, answer, 9, length)


async def test_a_length_that_is_not_kept(curl: Curl, scripted: ScriptedUpstream) -> None:
    with pytest.raises(Broken, match="announced 11 bytes and sent 10"):
        await body_of(curl, scripted, Answer(body=b"x" * 10), 99, 11)


async def test_the_answer_to_head_has_no_body() -> None:
    exchange = HeadExchange(Head(status=200, url="http://up.example.org/a", length=10))
    assert [chunk async for chunk in exchange] == []


async def test_only_refusals_have_words(curl: Curl, scripted: ScriptedUpstream) -> None:
    said = []
    for status in (200, 404, 403):
        scripted.script("/a", Answer(status=status, headers={"Content-Type": "text/plain"}, body=b"not you\nnor me"))
        transfer = curl.start(Call(label="up", url=f"{scripted.url}/a", proxy=""))
        said.append(await words_of(transfer, await transfer.head()))
        transfer.abandon()
    assert said == ["", "", "not you"]
