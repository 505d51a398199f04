from __future__ import annotations

from pathlib import Path

import pytest
import toml

from mxart.config.problems import Problem, Problems
from mxart.config.tables import Table
from mxart.config.upstreams import Surroundings, read_upstream
from mxart.settings import CredentialSettings, UpstreamSettings
from tests.config.test_read import PROXY, problems, read
from tests.support.certs import Authority

ENVIRON = {"SECRET": "s3cret", "EMPTY": "", "SPACED": "a b"}


def credentials(folder: Path, auth: str) -> CredentialSettings:
    (folder / "secret").write_text("from a file\r\n")
    (folder / "token").write_text("t0ken\n")
    (repository,) = read(folder, f"{PROXY}auth = {{ {auth} }}", ENVIRON).repositories
    assert repository.upstream
    return repository.upstream.auth


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ('username = "ci", password = "p:w d"', CredentialSettings(username="ci", password="p:w d")),
        ('username = "ci", password_env = "SECRET"', CredentialSettings(username="ci", password="s3cret")),
        ('username = "ci", password_file = "secret"', CredentialSettings(username="ci", password="from a file")),
        ('token = "abc"', CredentialSettings(token="abc")),
        ('token_env = "SECRET"', CredentialSettings(token="s3cret")),
        ('token_file = "token"', CredentialSettings(token="t0ken")),
        ('headers = { X-Token = "a b", "X.Y" = "c" }', CredentialSettings(headers={"X-Token": "a b", "X.Y": "c"})),
    ],
)
def test_each_form(tmp_path: Path, auth: str, expected: CredentialSettings) -> None:
    assert credentials(tmp_path, auth) == expected


@pytest.mark.parametrize(
    ("auth", "key", "remedy"),
    [
        ("", "", "want one of"),
        ('username = "ci", password = "x", token = "y"', "", "want one of"),
        ('token = "y", headers = { A = "b" }', "", "want one of"),
        ('username = "ci"', "password", "password_env"),
        ('password = "x"', "username", "needs a username"),
        ('username = "ci", password = "x", password_env = "SECRET"', "password_env", "password says it already"),
        ('token_env = "SECRET", token_file = "token"', "token_file", "token_env says it already"),
        ('username = "c:i", password = "x"', "username", "no colon"),
        ('username = "", password = "x"', "username", "not empty"),
        ('username = "ci", password = ""', "password", "not empty"),
        ('username = "ci", password = 5', "password", "in quotes"),
        ('username = "ci", password = "a\\nb"', "password", "control characters"),
        ('username = "ci", password_env = "NONE"', "password_env", "not set"),
        ('username = "ci", password_env = "EMPTY"', "password_env", "not set"),
        ('username = "ci", password_file = "none"', "password_file", "cannot be read"),
        ('username = "ci", password_file = "empty"', "password_file", "is empty"),
        ('username = "ci", password_file = "binary"', "password_file", "as text"),
        ('username = "ci", password_file = "large"', "password_file", "too large"),
        ('username = "ci", password_file = "lines"', "password_file", "control characters"),
        ('token = "a b"', "token", "without spaces"),
        ('token_env = "SPACED"', "token_env", "without spaces"),
        ('headers = "x"', "headers", "want a table"),
        ('headers = { "A B" = "c" }', "A B", "name of a header field"),
        ('headers = { "A\\r\\nB" = "c" }', "A\r\nB", "name of a header field"),
        ('headers = { Host = "c" }', "Host", "set by mxart itself"),
        ('headers = { content-length = "1" }', "content-length", "set by mxart itself"),
        ('headers = { A = "b\\r\\nC: d" }', "A", "control characters"),
        ('headers = { A = "" }', "A", "value of a header field"),
        ('headers = { A = " b" }', "A", "value of a header field"),
        ('headers = { A = "\u00e9" }', "A", "value of a header field"),
    ],
)
def test_each_mistake(tmp_path: Path, auth: str, key: str, remedy: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("x" * 70_000)
    (tmp_path / "lines").write_text("a\nb\n")
    (tmp_path / "token").write_text("t0ken")
    (problem,) = problems(tmp_path, f"{PROXY}auth = {{ {auth} }}", ENVIRON)
    assert problem.key == key
    assert remedy in problem.message


@pytest.mark.parametrize(
    "line",
    [
        'auth = "hunter2"',
        'auth = { username = "hunter2:", password = "hunter2" }',
        'auth = { password = "hunter2", token = "hunter2" }',
        'auth = { token = "hunter2 x" }',
        'auth = { headers = { Host = "hunter2" } }',
        'auth = { headers = { A = " hunter2" } }',
        'auth = { pasword = "hunter2" }',
        'upstream_password = "hunter2"',
        'http_proxy = "ftp://me:hunter2@proxy.example.org"',
    ],
)
def test_no_message_shows_a_secret(tmp_path: Path, line: str) -> None:
    shown = "\n".join(map(str, problems(tmp_path, f"{PROXY}{line}")))
    assert "hunter2" not in shown.replace('username = "hunter2:"', "")


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    for auth in ('username = "ci", password = "hunter2"', 'token = "hunter2"', 'headers = { A = "hunter2" }'):
        assert "hunter2" not in repr(credentials(tmp_path, auth))


# --- tools -------------------------------------------------------------------------------------------------------


def read_with_tools(folder: Path, text: str, environ: dict[str, str] | None = None) -> tuple[object, list[Problem]]:
    """What the table says, and what is wrong with it; the upstream may be "vcs"."""
    found = Problems("mxart.toml")
    table = Table('[[repository]] "c"', toml.loads(text), found)
    settings = read_upstream(table, Surroundings(folder, environ or {}), ["vcs"])
    table.finish()
    return settings, found.found


def test_a_tool_has_defaults_of_its_own(tmp_path: Path) -> None:
    assert read_with_tools(tmp_path, 'upstream = "vcs"') == (
        UpstreamSettings(url="", tool="vcs", max_connections=4, time_limit=300.0, queue_timeout=60.0),
        [],
    )


def test_every_key_of_a_tool_arrives(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "token").write_text("from-a-file\n")
    text = f"""
        upstream = "vcs"
        http_proxy = "socks5h://proxy.example.org:1080"
        ca_file = "{authority.ca_file.name}"
        max_connections = 9
        queue_timeout = "7 s"
        time_limit = "11 min"
        [auth_hosts]
        "Git.Corp.example." = {{ username = "ci", token_env = "SECRET" }}
        "code.example.org" = {{ token_file = "token" }}
        "old.example.org" = {{ username = "me@example.org", password = "p#\\"\\\\:w'd" }}
        local = {{ token = "t" }}
    """
    settings, found = read_with_tools(tmp_path, text, ENVIRON)
    assert found == []
    assert settings == UpstreamSettings(
        url="",
        tool="vcs",
        http_proxy="socks5h://proxy.example.org:1080",
        ca_file=authority.ca_file,
        max_connections=9,
        queue_timeout=7.0,
        time_limit=660.0,
        auth_hosts={
            "git.corp.example": CredentialSettings(username="ci", password="s3cret"),
            "code.example.org": CredentialSettings(username="x-access-token", password="from-a-file"),
            "old.example.org": CredentialSettings(username="me@example.org", password="p#\"\\:w'd"),
            "local": CredentialSettings(username="x-access-token", password="t"),
        },
    )


@pytest.mark.parametrize(
    ("lines", "key", "remedy"),
    [
        ('upstream = "svc"', "upstream", 'or "vcs"'),
        ('upstream = "vcs"\nauth = { token = "t" }', "auth", "want auth_hosts"),
        ('upstream = "vcs"\nconnect_timeout = "5 s"', "connect_timeout", "no meaning for upstream"),
        ('upstream = "vcs"\nidle_timeout = "5 s"', "idle_timeout", "no meaning for upstream"),
        ('upstream = "vcs"\nretries = 1', "retries", "no meaning for upstream"),
        ('upstream = "vcs"\nhttp_proxy = "socks4a://proxy.example.org"', "http_proxy", "SOCKS 4"),
        ('upstream = "vcs"\nmax_connections = 0', "max_connections", "whole number"),
        ('upstream = "vcs"\ntime_limit = 0', "time_limit", "duration"),
        ('upstream = "https://c.example.org"\ntime_limit = "5 s"', "time_limit", "this one is a URL"),
        (
            'upstream = "https://c.example.org"\nauth_hosts = { "a.example.org" = {} }',
            "auth_hosts",
            "this one is a URL",
        ),
        ('upstream = "vcs"\nauth_hosts = "git.example.org"', "auth_hosts", "want a table"),
        ('upstream = "vcs"\nauth_hosts = { "a.example.org" = "hunter2" }', "a.example.org", "want a table"),
        ('upstream = "vcs"\nauth_hosts = { "*" = { token = "hunter2" } }', "*", "name of one host"),
        ('upstream = "vcs"\nauth_hosts = { "a b" = { token = "hunter2" } }', "a b", "want a host name"),
        (
            'upstream = "vcs"\nauth_hosts = { "a.example.org:8443" = { token = "hunter2" } }',
            "a.example.org:8443",
            "without port",
        ),
        ('upstream = "vcs"\n[auth_hosts.git.example.org]\ntoken = "hunter2"', "git", "goes in quotes"),
    ],
)
def test_each_mistake_with_tools(tmp_path: Path, lines: str, key: str, remedy: str) -> None:
    _, (problem,) = read_with_tools(tmp_path, lines)
    assert problem.key == key
    assert remedy in problem.message
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    ("login", "key", "remedy"),
    [
        ("", "", "want { token_env }"),
        ('username = "ci"', "", "want { token_env }"),
        ('password = "hunter2"', "username", "needs a username"),
        ('token = "hunter2", token_env = "SECRET"', "token_env", "token says it already"),
        ('username = "ci", password = "hunter2", token = "t"', "token", "password says it already"),
        ('token_env = "NONE"', "token_env", "not set"),
        ('token_env = "SPACED"', "token_env", "without spaces"),
        ('token = ""', "token", "without spaces"),
        ('token = "hunter2\\nmachine evil.example.org"', "token", "control characters"),
        ('token = "hunter2 machine evil.example.org"', "token", "without spaces"),
        ('token = "\\"hunter2\\""', "token", "quotation mark"),
        ('token = "#hunter2"', "token", "hash sign"),
        ('token = "hunter\u00e9"', "token", "printable ASCII"),
        (f'token = "{"x" * 1025}"', "token", "at most 1024"),
        ('username = "a b", token = "t"', "username", "without spaces"),
        ('token = "t", headers = { A = "b" }', "headers", "unknown key"),
    ],
)
def test_each_mistake_in_a_login(tmp_path: Path, login: str, key: str, remedy: str) -> None:
    text = f'upstream = "vcs"\nauth_hosts = {{ "git.example.org" = {{ {login} }} }}'
    _, (problem,) = read_with_tools(tmp_path, text, ENVIRON)
    assert (problem.table, problem.key) == ('[[repository]] "c" auth_hosts git.example.org', key)
    assert remedy in problem.message
    assert "hunter2" not in str(problem)
