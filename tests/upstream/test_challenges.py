"""What a 401 asks for, and whom it says to ask."""

from __future__ import annotations

import time

import pytest

from mxart.errors import BadUpstream
from mxart.upstream.challenges import Challenge, choose, parse, realm_url, token_url
from mxart.upstream.redirects import Origin

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'
HTTP, HTTPS = Origin.of("http://up.example.org"), Origin.of("https://up.example.org")

PARSED: list[tuple[str, list[tuple[str, dict[str, str]]]]] = [
    ("", []),
    (" , ,", []),
    ("Basic", [("basic", {})]),
    ('Basic realm="simple"', [("basic", {"realm": "simple"})]),
    ("basic REALM=simple", [("basic", {"realm": "simple"})]),
    ('BASIC realm = "simple" , charset="UTF-8"', [("basic", {"realm": "simple", "charset": "UTF-8"})]),
    (
        HUB,
        [
            (
                "bearer",
                {
                    "realm": "https://auth.docker.io/token",
                    "service": "registry.docker.io",
                    "scope": "repository:a/b:pull,push",
                },
            )
        ],
    ),
    (
        'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',  # RFC 9110 §11.6.1
        [
            ("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
            ("basic", {"realm": "simple"}),
        ],
    ),
    ("Negotiate, Basic realm=a", [("negotiate", {}), ("basic", {"realm": "a"})]),
    ("Negotiate YWJj==, Bearer realm=a", [("negotiate", {}), ("bearer", {"realm": "a"})]),
    ("Basic realm=a,Bearer realm=b", [("basic", {"realm": "a"}), ("bearer", {"realm": "b"})]),
    ("Bearer realm=a, realm=b", [("bearer", {"realm": "a"})]),
    ("Bearer realm=a,,, service=b", [("bearer", {"realm": "a", "service": "b"})]),
    ('Bearer realm="a", Basic', [("bearer", {"realm": "a"}), ("basic", {})]),
    ('Bearer realm="",scope=""', [("bearer", {"realm": "", "scope": ""})]),
    # malformed
    ('realm="a"', []),
    ('="a"', []),
    ('"Bearer" realm="a"', []),
    ('Bearer realm="a', [("bearer", {})]),
    ('Bearer realm="a\\', [("bearer", {})]),
    ("Bearer realm=https://a", [("bearer", {})]),
    ('Bearer realm="a" service="b"', [("bearer", {})]),
    ('Bearer realm="a", service=(b), scope="c"', [("bearer", {"realm": "a"})]),
    ('Bearer realm="a", "b", Basic realm="c"', [("bearer", {"realm": "a"})]),
    ('B\xe4rer realm="a"', []),
    ('Bearer realm="' + "a" * 65536 + '"', []),
    ("Bearer " + "a=b," * 16384, []),
]


@pytest.mark.parametrize(("field", "challenges"), PARSED, ids=lambda value: str(value)[:40])
def test_parsed(field: str, challenges: list[tuple[str, dict[str, str]]]) -> None:
    assert [(challenge.scheme, dict(challenge.parameters)) for challenge in parse(field)] == challenges


@pytest.mark.parametrize("piece", ["a ", "a=", "a b,", 'a="', "a=b ", " ", "=", "a" * 100, "\\", "a= \t", "Basic a=b,"])
def test_a_hostile_field_costs_its_length(piece: str) -> None:
    begun = time.monotonic()
    for _ in range(10):
        parse((piece * 16384)[: 16 * 1024])
    assert time.monotonic() - begun < 1


CHOSEN: list[tuple[str, bool, str]] = [
    ('Basic realm="a"', True, "basic"),
    ('Basic realm="a"', False, ""),
    ('Bearer realm="a"', False, "bearer"),
    ('Basic realm="a", Bearer realm="b"', True, "bearer"),
    ('Bearer, Basic realm="a"', True, "basic"),
    ('Bearer, Bearer realm="a"', True, "bearer"),
    ('Digest realm="a", nonce="b"', True, ""),
    ("", True, ""),
]


@pytest.mark.parametrize(("field", "basic", "scheme"), CHOSEN)
def test_chosen(field: str, basic: bool, scheme: str) -> None:
    challenge = choose(field, basic=basic)
    assert (challenge.scheme if challenge else "") == scheme


@pytest.mark.parametrize(
    ("field", "basic"),
    [("Bearer", True), ('Bearer realm=""', False), ('Bearer, Basic realm="a"', False), ('Bearer scope="a:b:c"', True)],
)
def test_a_token_from_nowhere(field: str, basic: bool) -> None:
    with pytest.raises(BadUpstream, match="set auth") as raised:
        choose(field, basic=basic)
    assert raised.value.status == 401


def bearer(**parameters: str) -> Challenge:
    return Challenge("bearer", parameters)


@pytest.mark.parametrize(
    ("realm", "asked"),
    [
        ("https://auth.example.org/token", HTTPS),
        ("https://auth.example.org/token", HTTP),
        ("http://127.0.0.1:5001/auth?x=y", HTTP),
        ("https://[::1]:8443", HTTPS),
        ("https://auth.example.org?account=me", HTTPS),
    ],
)
def test_realms(realm: str, asked: Origin) -> None:
    assert realm_url(bearer(realm=realm), asked) == realm


@pytest.mark.parametrize(
    ("realm", "asked"),
    [
        ("http://auth.example.org/token", HTTPS),
        ("", HTTP),
        ("registry", HTTP),
        ("/token", HTTP),
        ("//auth.example.org/token", HTTP),
        ("ftp://auth.example.org/", HTTP),
        ("file:///etc/passwd", HTTP),
        ("https://ci:s3cret@auth.example.org/", HTTPS),
        ("https://auth.example.org\\@evil.example.com/", HTTPS),
        ("https://auth.example.org/a b", HTTPS),
        ("https://auth.example.org/\r\nHost: evil", HTTPS),
        ("https://auth.example.org/#part", HTTPS),
        ("https://auth.example.org:99999/", HTTPS),
        ("https://\xe4.example.org/", HTTPS),
        ("https:///token", HTTPS),
        ("https://auth.example.org/" + "a" * 4096, HTTPS),
    ],
)
def test_realms_that_are_not_asked(realm: str, asked: Origin) -> None:
    with pytest.raises(BadUpstream) as raised:
        realm_url(bearer(realm=realm), asked)
    assert "s3cret" not in raised.value.message
    assert raised.value.message.isprintable()
    assert len(raised.value.message) < 700


QUESTIONS: list[tuple[str, dict[str, str], str, str]] = [
    ("https://a/t", {}, "", "https://a/t"),
    ("https://a/t", {"service": "s"}, "", "https://a/t?service=s"),
    ("https://a/t?x=y", {"service": "s"}, "", "https://a/t?x=y&service=s"),
    ("https://a/t?", {"service": "s"}, "", "https://a/t?service=s"),
    ("https://a/t?x&", {"service": "s"}, "", "https://a/t?x&service=s"),
    ("https://a", {"service": "s"}, "", "https://a?service=s"),
    (
        "https://a/t",
        {"service": "s", "scope": "repository:a:pull,push  repository:b:pull"},
        "ci",
        "https://a/t?service=s&scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%3Apull&account=ci",
    ),
    ("https://a/t", {"service": "a&b=c d\r\n#\xe4", "scope": ""}, "", "https://a/t?service=a%26b%3Dc+d%0D%0A%23%C3%A4"),
    ("https://a/t", {}, "r\xf6bot$a+b", "https://a/t?account=r%C3%B6bot%24a%2Bb"),
]


@pytest.mark.parametrize(("realm", "parameters", "account", "url"), QUESTIONS)
def test_questions(realm: str, parameters: dict[str, str], account: str, url: str) -> None:
    assert token_url(realm, bearer(**parameters), account) == url
