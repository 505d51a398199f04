from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from mxart.cli.login import Asked, Login, base_url, known_password, login, warn_of_open_password
from tests.cli.configurations import MANY_NAMES

CONFIG = """
[[repository]]
name = "go"
format = "go"
kind = "proxy"
upstream = "https://go.example.org"
"""
NETRC = """machine art.example.org login ada password of-ada
machine art.example.org:8443 login bob password of-bob
machine 127.0.0.1 login eve password of-eve
default login any password of-any
"""


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home and a working directory of nobody."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("mxart.toml").write_text(CONFIG)
    Path("empty.toml").write_text("")


def who(url: str, asked: Asked | None = None, netrc: str = "") -> Login:
    return login(urlsplit(url), asked or Asked(), {"NETRC": netrc} if netrc else {})


NAMED: list[tuple[str, str | None, Login]] = [
    ("https://art.example.org/go", None, Login("ada", "of-ada")),
    ("https://art.example.org:8443/go", None, Login("bob", "of-bob")),
    ("https://art.example.org:9000/go", None, Login("ada", "of-ada")),
    ("https://art.example.org/go", "ada", Login("ada", "of-ada")),
    ("https://art.example.org:8443/go", "ada", Login("ada", "of-ada")),
    ("http://127.0.0.1:8080/go", None, Login("eve", "of-eve")),
]


@pytest.mark.parametrize(("url", "user", "expected"), NAMED)
def test_netrc(url: str, user: str | None, expected: Login) -> None:
    Path(".netrc").write_text(NETRC)
    assert who(url, Asked(user=user)) == expected


def test_another_netrc() -> None:
    Path(".netrc").write_text(NETRC)
    Path("other").write_text("machine art.example.org login eve password of-eve\n")
    assert who("https://art.example.org", netrc="other") == Login("eve", "of-eve")


NOBODY = [
    ("https://other.example.org/go", None),  # the default line is not meant for it
    ("https://default/go", None),
    ("https://art.example.org/go", "carol"),
]


@pytest.mark.parametrize(("url", "user"), NOBODY)
def test_nobody_can_be_asked(url: str, user: str | None) -> None:
    Path(".netrc").write_text(NETRC)
    with pytest.raises(click.UsageError, match="give --password-file, or a line for it in"):
        who(url, Asked(user=user))


@pytest.mark.parametrize("text", ["machine", "nonsense here", "machine h login x password \x00\xff"])
def test_a_netrc_that_cannot_be_read(text: str) -> None:
    Path("bad").write_bytes(text.encode("latin-1"))
    with pytest.raises(click.UsageError, match="bad cannot be used"):
        who("https://art.example.org", netrc="bad")


def test_the_command_line_wins() -> None:
    Path(".netrc").write_text(NETRC)
    Path("secret").write_text("pässwörd\nsecond line\n")
    given = Asked(user="carol", password_file=Path("secret"))
    assert who("https://art.example.org", given) == Login("carol", "pässwörd")
    assert who("https://art.example.org", Asked(password_file=Path("secret"))) == Login("admin", "pässwörd")
    Path("secret").write_bytes(b"\xff")
    with pytest.raises(click.BadParameter, match="secret cannot be read as text"):
        who("https://art.example.org", given)


def test_the_password_of_the_first_start_stays_on_this_machine() -> None:
    Path("data").mkdir()
    Path("data/admin-password").write_text("of the first start\n")
    assert who("http://127.0.0.1:8080/go") == Login("admin", "of the first start")
    with pytest.raises(click.UsageError):
        who("http://art.example.org:8080/go")
    with pytest.raises(click.UsageError):
        who("http://127.0.0.1:8080/go", Asked(user="ada"))


def test_without_a_configuration_no_client_is_asked_what_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mxart.toml").unlink()
    Path("go").write_text(f"#!/bin/sh\ntouch {Path.cwd()}/asked\n")
    Path("go").chmod(0o755)
    monkeypatch.setenv("PATH", str(Path.cwd()), prepend=":")
    with pytest.raises(click.UsageError):
        who("https://art.example.org/go")
    assert not Path("asked").exists()
    with pytest.raises(click.UsageError):
        who("http://127.0.0.1:8080/go")
    assert Path("asked").exists()


def test_passwords_do_not_show() -> None:
    assert "secret" not in repr(Login("ada", "secret"))


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("http://127.0.0.2:8080/go", True),
        ("https://mx.example.org/art/go", True),
        ("https://MX.example.org:444/go", True),
        ("http://go.example.com/m", True),
        ("http://localhost:1/", True),
        ("http://[::1]:1/", True),
        ("http://127.1.2.3/", True),
        ("http://example.org/", False),
        ("http://mx.example.org.example.com/", False),
        ("http://127.0.0.1.example.org/", False),
        ("http://192.0.2.1/", False),
        ("http://*/", False),
    ],
)
@pytest.mark.parametrize("user", ["admin", "ada"])
def test_the_password_of_this_installation_goes_to_no_other_server(url: str, ours: bool, user: str) -> None:
    Path("mxart.toml").write_text(MANY_NAMES)
    Path("data").mkdir()
    Path("data/admin-password").write_text("of the first start\n")
    expected = "of the first start" if ours and user == "admin" else None
    assert known_password(None, urlsplit(url), user) == expected


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("https://art.example.org/go", False),
        ("http://art.example.org/go", True),
        ("http://192.0.2.1/go", True),
        ("http://127.0.0.1:8080/go", False),
        ("http://[::1]/go", False),
        ("http://localhost/go", False),
        ("http://localhost.example.org/go", True),
    ],
)
def test_a_password_that_everybody_can_read(url: str, warned: bool, capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_open_password(urlsplit(url))
    assert ("unencrypted" in capsys.readouterr().err) == warned


URLS: list[tuple[str, str | None]] = [
    ("https://art.example.org/go", "https://art.example.org/go"),
    ("https://art.example.org/go//", "https://art.example.org/go"),
    ("http://[::1]:8080", "http://[::1]:8080"),
    ("", None),
    ("art.example.org/go", None),
    ("ftp://art.example.org/go", None),
    ("https:///go", None),
    ("https://ada:pw@art.example.org/go", None),
    ("https://art.example.org/go?a=b", None),
    ("https://art.example.org/go#a", None),
    ("https://art.example.org:0/go", None),
    ("https://art.example.org:99999/go", None),
    ("https://[::1/go", None),
    ("https://art.example.org/g o", None),
    ("https://art.example.org/\x1b[2J", None),
]


@pytest.mark.parametrize(("text", "url"), URLS)
def test_base_urls(text: str, url: str | None) -> None:
    check: Callable[[], str] = lambda: base_url(text, "--to").geturl()  # noqa: E731
    if url is not None:
        assert check() == url
        return
    with pytest.raises(click.BadParameter, match="want the http or https URL of a repository"):
        check()
