from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mxart.cli import main

CONFIG = """
[server]
listen = ["unix:mxart.sock", "127.0.0.1:8123"]
[[repository]]
name = "go"
format = "go"
kind = "proxy"
upstream = "https://go.example.org/proxy"
http_proxy = "socks5h://ci:sesame@127.0.0.1:1080"
auth = { username = "ci", password = "sesame" }
block = ["corp.example.com/*", "other.example.com"]
sumdb = { "sum.example.org" = "https://sum.example.org" }
[[repository]]
name = "bound"
format = "go"
kind = "proxy"
upstream = "https://go.example.com"
auth = { token = "sesame" }
base_url = ""
hosts = [ { listener = "main", host = "go.example.com" } ]
"""
GROUP = """
[[repository]]
name = "all"
format = "go"
kind = "group"
members = ["own", "source", "go"]
publish_to = "own"
exclusive = { "own" = ["corp.example.com/*"] }
[[repository]]
name = "own"
format = "go"
kind = "hosted"
[[repository]]
name = "source"
format = "go"
kind = "proxy"
upstream = "vcs"
auth_hosts = { "git.corp.example" = { token = "sesame" } }
base_url = ""
"""
LIST = """\
Name   Format  Kind   URL                       Upstream                      Members
go     go      proxy  http://127.0.0.1:8123/go  https://go.example.org/proxy  -
bound  go      proxy  -                         https://go.example.com        -
"""
LIST_WITH_GROUP = """\
Name    Format  Kind    URL                        Upstream                      Members
go      go      proxy   http://127.0.0.1:8123/go   https://go.example.org/proxy  -
bound   go      proxy   -                          https://go.example.com        -
all     go      group   http://127.0.0.1:8123/all  -                             own, source, go
own     go      hosted  http://127.0.0.1:8123/own  -                             -
source  go      proxy   -                          vcs                           -
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mxart.toml").write_text(CONFIG)


def repo(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["repo", *arguments])


def shown(name: str) -> dict[str, str]:
    """The lines of ``mxart repo show``, key → value."""
    result = repo("show", name)
    assert result.exit_code == 0, result.output
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    return {line[0]: line[1] for line in lines}


def test_list() -> None:
    result = repo("list")
    assert (result.exit_code, result.stdout) == (0, LIST)


def test_list_as_json() -> None:
    rows = json.loads(repo("list", "--json").stdout)
    assert [row["name"] for row in rows] == ["go", "bound"]
    assert rows[0] == {
        "name": "go",
        "format": "go",
        "kind": "proxy",
        "url": "http://127.0.0.1:8123/go",
        "upstream": "https://go.example.org/proxy",
        "members": [],
    }


def test_list_of_none() -> None:
    Path("mxart.toml").write_text("")
    assert "no repository is configured" in repo("list").stdout
    assert json.loads(repo("list", "--json").stdout) == []


def test_show() -> None:
    lines = shown("go")
    expected = {
        "name": "go",
        "upstream.url": "https://go.example.org/proxy",
        "upstream.auth.username": "ci",
        "upstream.auth.password": "(set)",
        "upstream.auth.token": "-",
        "upstream.http_proxy": "socks5h://(set)@127.0.0.1:1080",
        "upstream.retries": "2",
        "ttl": "300.0",
        "block.1": "corp.example.com/*",
        "block.2": "other.example.com",
        "allow": "-",
        "options.sumdb.sum.example.org": "https://sum.example.org",
        "client_lines": "go env -w GOPROXY=http://127.0.0.1:8123/go",
        "publish_lines": "-",
    }
    assert {key: lines.get(key) for key in expected} == expected


def test_a_group_its_members_and_what_publishes_to_it() -> None:
    Path("mxart.toml").write_text(CONFIG + GROUP)
    assert repo("list").stdout == LIST_WITH_GROUP
    assert json.loads(repo("list", "--json").stdout)[2]["members"] == ["own", "source", "go"]
    lines = shown("all")
    assert (lines["members.1"], lines["publish_to"]) == ("own", "own")
    assert lines["exclusive.own"] == "corp.example.com/*"
    assert lines["publish_lines.1"] == "mxart go publish . --to http://127.0.0.1:8123/all"
    assert "http://127.0.0.1:8123/own" in shown("own")["publish_lines.1"]
    assert shown("source")["upstream.auth_hosts.git.corp.example.password"] == "(set)"
    assert "sesame" not in repo("show", "source").output
    Path("mxart.toml").write_text(CONFIG + GROUP.replace('publish_to = "own"', ""))
    assert shown("all")["publish_lines"] == "-"


def test_show_of_one_without_a_path() -> None:
    lines = shown("bound")
    assert (lines["base_url"], lines["url"], lines["client_lines"]) == ("-", "-", "-")
    assert lines["hosts.host"] == "go.example.com"
    assert lines["upstream.auth.token"] == "(set)"


def test_show_as_json() -> None:
    document = json.loads(repo("show", "go", "--json").stdout)
    assert document["upstream"]["auth"] == {"username": "ci", "password": "(set)", "token": "", "headers": ""}
    assert document["block"] == ["corp.example.com/*", "other.example.com"]
    assert document["max_body_size"] is None


@pytest.mark.parametrize("arguments", [("list",), ("list", "--json"), ("show", "go"), ("show", "bound", "--json")])
def test_no_secret_is_shown(arguments: tuple[str, ...]) -> None:
    assert "sesame" not in repo(*arguments).output


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ('listen = ["127.0.0.1:8123"]\npublic_url = "https://mx.example.org/art"', "https://mx.example.org/art/go"),
        ('listen = ["[::1]:8123"]', "http://[::1]:8123/go"),
        ('listen = ["unix:mxart.sock"]', "-"),
    ],
)
def test_where_it_is(server: str, url: str) -> None:
    only = CONFIG.partition('[[repository]]\nname = "bound"')[0]
    Path("mxart.toml").write_text(only.replace('listen = ["unix:mxart.sock", "127.0.0.1:8123"]', server))
    assert shown("go")["url"] == url


def test_show_of_an_unknown_one_names_those_there_are() -> None:
    result = repo("show", "nope")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no repository 'nope'; there is: go, bound" in result.stderr


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_the_configuration_may_be_named_anywhere(place: str) -> None:
    Path("mxart.toml").rename("other.toml")
    option = ["--config", "other.toml"]
    arguments = {
        "before": [*option, "repo", "list"],
        "between": ["repo", *option, "list"],
        "after": ["repo", "list", *option],
    }
    result = CliRunner().invoke(main, arguments[place])
    assert (result.exit_code, result.stdout) == (0, LIST)


def test_a_broken_configuration_is_said_to_be() -> None:
    Path("mxart.toml").write_text("[servr]\n")
    result = repo("list")
    assert result.exit_code == 2
    assert "servr" in result.stderr
