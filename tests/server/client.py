"""A client that sends exactly what it is told, and reads answers one by one."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field


@dataclass
class Answer:
    """One answer; ``whole`` is False when the connection ended before the body did."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)  # lower-case names
    body: bytes = b""
    whole: bool = True
    reason: str = ""  # the phrase behind the status


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, tls: ssl.SSLContext | None = None) -> RawClient:
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, limit=1 << 20))

    async def send(self, data: str | bytes) -> None:
        self.writer.write(data.encode("latin-1") if isinstance(data, str) else data)
        await self.writer.drain()

    async def get(self, path: str, method: str = "GET", version: str = "HTTP/1.1", **headers: str) -> Answer:
        """Ask and read the answer; keyword ``if_range`` becomes the field If-Range."""
        fields = {"Host": "127.0.0.1"} | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} {version}", *(f"{name}: {value}" for name, value in fields.items() if value)]
        await self.send("\r\n".join(lines) + "\r\n\r\n")
        return await self.answer(method)

    async def head(self) -> Answer:
        """The head of the next answer."""
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = text.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        assert len(headers) == len(lines), f"a field came twice: {text}"
        _, status, reason = start.split(" ", 2)
        return Answer(int(status), headers, reason=reason)

    async def answer(self, method: str = "GET") -> Answer:
        """The next answer with its body."""
        answer = await self.head()
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        try:
            if answer.headers.get("transfer-encoding") == "chunked":
                await self._chunks(answer)
            else:
                answer.body = await self.reader.readexactly(int(answer.headers["content-length"]))
        except asyncio.IncompleteReadError as error:
            answer.body += error.partial
            answer.whole = False
        except ConnectionResetError:
            answer.whole = False
        return answer

    async def _chunks(self, answer: Answer) -> None:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            answer.body += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readexactly(2) == b"\r\n"

    async def ended(self) -> bytes:
        """What still comes before the server closes the connection."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
