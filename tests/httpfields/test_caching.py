from __future__ import annotations

import pytest

from mxart.httpfields.caching import forwarded, hit

ROWS = [
    (hit(), "mxart; hit"),
    (hit(59.9), "mxart; hit; ttl=59"),
    (hit(-3), "mxart; hit; ttl=-3"),
    (hit(0), "mxart; hit; ttl=0"),
    (forwarded("uri-miss"), "mxart; fwd=uri-miss"),
    (forwarded("miss", stored=True), "mxart; fwd=miss; stored"),
    (forwarded("miss", collapsed=True), "mxart; fwd=miss; collapsed"),
    (forwarded("stale", 304, stored=True), "mxart; fwd=stale; fwd-status=304; stored"),
    (forwarded("stale", 503), "mxart; fwd=stale; fwd-status=503"),
]


@pytest.mark.parametrize(("field", "text"), ROWS)
def test_cache_status(field: str, text: str) -> None:
    assert field == text
