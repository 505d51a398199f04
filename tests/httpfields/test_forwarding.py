from __future__ import annotations

import pytest

from mxart.errors import Invalid
from mxart.httpfields.forwarding import UNIX, Origin, TrustedPeers, check_host, origin

PROXY, OUTER, CLIENT, LIAR = "10.0.0.1", "10.0.0.2", "203.0.113.9", "198.51.100.7"
TRUSTED = TrustedPeers(["10.0.0.0/8", "fd00::/8", UNIX])
DIRECT = Origin("http", "mxart:8080", PROXY)
PUBLIC = Origin("https", "art.example.org", CLIENT)

# fields of a request that a trusted proxy passed on, and what is believed
BELIEVED = [
    ({}, DIRECT),
    ({"x-forwarded-for": CLIENT, "x-forwarded-proto": "https", "x-forwarded-host": "art.example.org"}, PUBLIC),
    ({"x-forwarded-for": CLIENT}, Origin("http", "mxart:8080", CLIENT)),
    ({"x-forwarded-proto": "https"}, Origin("https", "mxart:8080", PROXY)),
    ({"x-forwarded-host": "Art.Example.org:444"}, Origin("http", "art.example.org:444", PROXY)),
    (
        {"x-forwarded-for": f"{LIAR}, {CLIENT}", "x-forwarded-proto": "https", "x-forwarded-host": "art.example.org"},
        PUBLIC,
    ),
    (
        {
            "x-forwarded-for": f"{LIAR}, {CLIENT}, {OUTER}",
            "x-forwarded-proto": "ftp, https, http",
            "x-forwarded-host": "liar.example, art.example.org, inner.example",
        },
        PUBLIC,
    ),
    ({"x-forwarded-host": "evil.example/path"}, DIRECT),
    ({"x-forwarded-host": "a@b"}, DIRECT),
    ({"x-forwarded-host": ""}, DIRECT),
    ({"x-forwarded-proto": "javascript"}, DIRECT),
    ({"x-forwarded-for": "unknown"}, DIRECT),
    ({"x-forwarded-for": f"{CLIENT}:4711"}, Origin("http", "mxart:8080", CLIENT)),
    ({"forwarded": f"for={CLIENT};proto=https;host=art.example.org"}, PUBLIC),
    ({"forwarded": f'For="{CLIENT}:4711" ; Proto=HTTPS ; Host="art.example.org"'}, PUBLIC),
    ({"forwarded": f"for={LIAR};host=liar.example, for={CLIENT};proto=https;host=art.example.org"}, PUBLIC),
    ({"forwarded": f"for={CLIENT};proto=https;host=art.example.org, for={OUTER};proto=http"}, PUBLIC),
    ({"forwarded": 'for="[2001:db8::1]:80"'}, Origin("http", "mxart:8080", "2001:db8::1")),
    ({"forwarded": "for=_hidden;proto=https"}, Origin("https", "mxart:8080", PROXY)),
    ({"forwarded": "for="}, DIRECT),
    ({"forwarded": 'host="unterminated'}, DIRECT),
    ({"forwarded": "nonsense"}, DIRECT),
    ({"forwarded": f"for={CLIENT};proto=https;host=art.example.org", "x-forwarded-host": "b.example"}, PUBLIC),
    ({"forwarded": ", ".join(["for=_x"] * 5000)}, DIRECT),
]


@pytest.mark.parametrize(("fields", "believed"), BELIEVED)
def test_what_a_trusted_proxy_says(fields: dict[str, str], believed: Origin) -> None:
    assert origin(DIRECT, fields, TRUSTED) == believed


@pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1", "", "nonsense"])
def test_what_others_say_is_ignored(peer: str) -> None:
    direct = Origin("http", "mxart:8080", peer)
    assert origin(direct, {"x-forwarded-host": "a.example", "forwarded": "host=b.example"}, TRUSTED) == direct


def test_nobody_is_trusted_unless_named() -> None:
    assert origin(DIRECT, {"x-forwarded-host": "a.example"}, TrustedPeers([])) == DIRECT
    assert not TrustedPeers(["127.0.0.1"]).trusts(UNIX)
    assert TRUSTED.trusts(UNIX)
    assert TRUSTED.trusts("::ffff:10.1.2.3")
    with pytest.raises(ValueError, match="not an address"):
        TrustedPeers(["not an address"])


GOOD_HOSTS = ["a", "A.Example.ORG", "a:80", "127.0.0.1:8080", "[::1]", "[2001:db8::1]:443", "a_b.example"]
BAD_HOSTS = [
    "",
    " ",
    "a b",
    "a/b",
    "a?b",
    "a#b",
    "u@a",
    "a:b",
    "a:123456",
    "::1",
    "[::1",
    "a\\b",
    "a,b",
    "-",
    "é",
    "a\n",
]


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_hosts(host: str) -> None:
    assert check_host(host) == host.lower()


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_bad_hosts(host: str) -> None:
    with pytest.raises(Invalid):
        check_host(host)
