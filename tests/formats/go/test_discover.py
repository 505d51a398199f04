from __future__ import annotations

import doctest
from collections.abc import Mapping, Sequence

import pytest

from mxart.formats.go import discover as discovery
from mxart.formats.go.discover import checksum_database, discover, proxies, without_credentials
from mxart.registration import Proposal

HERE = "http://127.0.0.1:8080/go"
CORP = "https://modules.example.com/go"
PUBLIC = "https://go.example.org"
DATABASE = "sum.example.org"
PROXIED = "{}/sumdb/sum.example.org"
ORIGIN, DEFAULT = "go env GOPROXY", "the go command's default GOPROXY"


def go(goproxy: str, gosumdb: str = DATABASE, built_in: str = f"{PUBLIC},direct\n{DATABASE}\n") -> discovery.Run:
    """The go command of a machine: what it uses, and what it would use if nobody had said anything."""

    def run(command: Sequence[str]) -> str:
        assert command[-4:] == ("go", "env", "GOPROXY", "GOSUMDB")
        assert "GOTOOLCHAIN=local" in command
        if "GOENV=off" in command:
            assert command[:5] == ("env", "-u", "GOPROXY", "-u", "GOSUMDB")
            return built_in
        return f"{goproxy}\n{gosumdb}\n"

    return run


def no_go(command: Sequence[str]) -> str:
    return ""


def summary(proposals: Sequence[Proposal]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((proposal.upstream, proposal.origin) for proposal in proposals))


@pytest.mark.parametrize(
    ("goproxy", "found"),
    [
        (f"{PUBLIC},direct", [(PUBLIC, ORIGIN)]),
        (HERE, [(HERE, ORIGIN), (PUBLIC, DEFAULT)]),
        (f"{HERE}|{CORP},direct", [(HERE, ORIGIN), (CORP, ORIGIN), (PUBLIC, DEFAULT)]),
        (f"{CORP}/,{CORP},off", [(CORP, ORIGIN), (PUBLIC, DEFAULT)]),
        (
            "https://me:hunter2@modules.example.com/go",
            [(CORP, f"{ORIGIN} without the password: it goes into auth"), (PUBLIC, DEFAULT)],
        ),
        ("direct", []),
        ("off", []),
        ("file:///srv/modules", []),
        ("https://[broken", []),
        ("http://a.example.org/?q,http://:80/", []),
    ],
)
def test_every_proxy_in_order_then_the_toolchains_own(goproxy: str, found: list[tuple[str, str]]) -> None:
    assert summary(discover(go(goproxy), {})) == found


@pytest.mark.parametrize("built_in", ["", "off\noff\n", "direct\n\n", "nonsense", "a\nb\nc\n"])
def test_a_toolchain_without_a_proxy_of_its_own_adds_none(built_in: str) -> None:
    assert summary(discover(go(HERE, built_in=built_in), {})) == [(HERE, ORIGIN)]


def test_the_database_is_reached_through_the_proxy_unless_that_has_none() -> None:
    through, past = discover(go(PUBLIC), {})
    assert through.options == {"sumdb": {DATABASE: PROXIED.format(PUBLIC)}}
    assert through.needs == PROXIED.format(PUBLIC) + "/supported"
    assert past.options == {"sumdb": {DATABASE: "https://sum.example.org"}}
    assert past.needs == ""


@pytest.mark.parametrize(
    ("gosumdb", "built_in", "databases"),
    [
        ("corp.example.com/sums+0123abcd+AQID https://sums.example.com", DATABASE, ["corp.example.com/sums"]),
        ("off", DATABASE, [DATABASE]),  # its modules may be private; toolchains are verified all the same
        ("", DATABASE, [DATABASE]),
        ("off", "off", []),
        ("a b c", "https://x/?q", []),
    ],
)
def test_the_database_is_that_of_the_user_else_the_toolchains(
    gosumdb: str, built_in: str, databases: list[str]
) -> None:
    found = discover(go(CORP, gosumdb, f"{PUBLIC}\n{built_in}\n"), {})
    assert [list(proposal.options.get("sumdb", {})) for proposal in found[:1]] == [databases]


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, []),
        ({"GOPROXY": ""}, []),
        ({"GOPROXY": "off"}, []),
        ({"GOPROXY": f"{CORP}|direct"}, [(CORP, "GOPROXY")]),
    ],
)
def test_without_the_go_command_the_environment_counts(
    environ: Mapping[str, str], found: list[tuple[str, str]]
) -> None:
    assert summary(discover(no_go, environ)) == found


def test_without_the_go_command_the_environment_names_the_database() -> None:
    (through, _) = discover(no_go, {"GOPROXY": CORP, "GOSUMDB": DATABASE})
    assert through.options == {"sumdb": {DATABASE: PROXIED.format(CORP)}}
    (alone,) = discover(no_go, {"GOPROXY": CORP})
    assert alone.options == {}


@pytest.mark.parametrize(
    ("goproxy", "urls"),
    [
        ("", []),
        (",|,", []),
        ("direct,off", []),
        ("go.example.org", ["https://go.example.org"]),
        (" https://a.example.org/x// | b.example.org/go/ ", ["https://a.example.org/x", "https://b.example.org/go"]),
        ("https://u:p@a.example.org", ["https://a.example.org"]),
        ("localhost", []),
        ("/srv/a.b", []),
        ("https://a.example.org:0,https://a.example.org:x,https://a b.example.org", []),
    ],
)
def test_proxies(goproxy: str, urls: list[str]) -> None:
    assert proxies(goproxy) == urls


@pytest.mark.parametrize(
    ("gosumdb", "database"),
    [
        ("sum.example.org", {"sum.example.org": "https://sum.example.org"}),
        ("sum.example.org http://127.0.0.1:9/db/", {"sum.example.org": "http://127.0.0.1:9/db"}),
        ("off", {}),
        ("", {}),
        ("../x", {}),
        ("sum.example.org file:///x", {}),
        ("sum.example.org https://u:p@sum.example.org", {}),
    ],
)
def test_checksum_database(gosumdb: str, database: dict[str, str]) -> None:
    assert checksum_database(gosumdb) == database


@pytest.mark.parametrize(
    ("url", "bare"),
    [("https://u:p@a.example.org/x", "https://a.example.org/x"), ("a.example.org", "a.example.org"), ("//[", "")],
)
def test_without_credentials(url: str, bare: str) -> None:
    assert without_credentials(url) == bare


def test_examples_hold() -> None:
    result = doctest.testmod(discovery)
    assert result.attempted > 0
    assert result.failed == 0
