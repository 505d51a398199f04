from __future__ import annotations

from pathlib import Path

import pytest

from mxart.settings import CredentialSettings
from tests.config.test_read import PROXY, problems, read

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
