"""What of an upstream's head, and of its explanations, is fit to be kept."""

from __future__ import annotations

import re

from mxart.units import parse_http_date
from mxart.upstream import Exchange

_LONGEST = 1024  # characters of an entity tag or a date that make sense
_REASON_SIZE = 2048  # bytes of an explanation that are kept
_VISIBLE = re.compile(r"[\x21-\x7e]+")


def validator(etag: str) -> str:
    """The entity tag as it was sent, also one that lacks its quotes; "" when it cannot be sent again as it is.

    >>> validator('W/"1"'), validator("no space allowed"), validator('"' + "x" * 2000 + '"')
    ('W/"1"', '', '')
    """
    return etag if len(etag) <= _LONGEST and _VISIBLE.fullmatch(etag) else ""


def http_date(text: str) -> str:
    """The date as it was sent (it is sent again unchanged), "" when it is none.

    >>> http_date("Tue, 14 Nov 2023 22:13:20 GMT"), http_date("yesterday")
    ('Tue, 14 Nov 2023 22:13:20 GMT', '')
    """
    return text if len(text) <= _LONGEST and instant(text) else ""


def instant(text: str) -> float:
    """UTC seconds of an HTTP date, 0.0 when it is none."""
    try:
        return parse_http_date(text)
    except ValueError:
        return 0.0


async def reason(exchange: Exchange) -> str:
    """The upstream's own words for why there is nothing; "" when they are not plain text."""
    if not exchange.head.headers.get("content-type", "").startswith("text/plain"):
        return ""
    text = b""
    async for chunk in exchange:
        text += chunk[: _REASON_SIZE - len(text)]
        if len(text) == _REASON_SIZE:
            break
    return text.decode("utf-8", "replace").strip()
