from __future__ import annotations

import pytest

from mxart.formats import FORMATS
from mxart.formats.go.settings import GoSettings
from mxart.formats.go.vcs import GoCommand
from mxart.settings import UpstreamSettings

FACTORY = FORMATS["go"]
SETTINGS = GoSettings(
    sumdb={"sums.example.org": "https://sums.example.org/", "sums.example.org/deep": "http://127.0.0.1:9/x"}
)


def test_further_upstreams_are_the_databases() -> None:
    assert FACTORY.upstreams(SETTINGS) == {
        "sumdb/sums.example.org": "https://sums.example.org",
        "sumdb/sums.example.org/deep": "http://127.0.0.1:9/x",
    }


OWN = GoSettings(sumdb={"a.example.org": "https://own.example.org"})
FIRST = GoSettings(sumdb={"a.example.org": "https://a.example.org", "b.example.org": "https://b.example.org"})
SECOND = GoSettings(sumdb={"b.example.org": "https://other.example.org", "c.example.org": "https://c.example.org"})


@pytest.mark.parametrize(
    ("members", "urls"),
    [
        ([], {"a": "own"}),
        ([FIRST], {"a": "own", "b": "b"}),
        ([FIRST, SECOND], {"a": "own", "b": "b", "c": "c"}),
        ([SECOND, FIRST], {"a": "own", "b": "other", "c": "c"}),
    ],
)
def test_a_group_proxies_the_databases_of_its_members(members: list[GoSettings], urls: dict[str, str]) -> None:
    combined = FACTORY.combined(OWN, members, None)
    assert combined.sumdb == {f"{name}.example.org": f"https://{url}.example.org" for name, url in urls.items()}
    assert not combined.allow_forks
    assert FACTORY.combined(OWN, [*members, GoSettings(allow_forks=True)], None).allow_forks


def test_source_control_is_asked_by_the_go_command() -> None:
    upstream = UpstreamSettings(url="", tool="vcs")
    assert isinstance(FACTORY.tool("vcs", upstream, GoSettings()), GoCommand)


def test_the_line_to_copy() -> None:
    assert FACTORY.client_lines("http://127.0.0.1:8080/go", "group") == ["go env -w GOPROXY=http://127.0.0.1:8080/go"]
