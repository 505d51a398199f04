"""What the go command is asked, in what surroundings, and which of its files is the answer. With the real one:
tests/clients/test_go_vcs.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mxart.errors import BadUpstream, Invalid, MxartError, NotFound, Unavailable
from mxart.formats.go.settings import GoSettings
from mxart.formats.go.vcs import GoCommand
from mxart.registration import Outcome, Places
from mxart.settings import CredentialSettings, UpstreamSettings

M = "git.corp.example/team/hello"
PLACES = Places(home=Path("/scratch/home"), cache=Path("/scratch/cache"))


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with a go in it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/go").touch(0o755)
    return str(tmp_path / "bin")


def go_command(path: str, upstream: UpstreamSettings | None = None, govcs: str = "", **environ: str) -> GoCommand:
    upstream = upstream or UpstreamSettings(url="", tool="vcs")
    return GoCommand(upstream, GoSettings(govcs=govcs), {"PATH": path, **environ})


# --- what is asked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "arguments"),
    [
        (f"{M}/@v/list", f"list -e -m -json -versions -retracted -- {M}@latest"),
        (f"{M}/@latest", f"mod download -json -- {M}@latest"),
        (f"{M}/@v/v1.0.0.info", f"mod download -json -- {M}@v1.0.0"),
        (f"{M}/@v/v1.0.0.mod", f"mod download -json -- {M}@v1.0.0"),
        (f"{M}/@v/v1.0.0.zip", f"mod download -json -- {M}@v1.0.0"),
        (f"{M}/@v/feature.info", f"mod download -json -- {M}@feature"),
        (f"{M}/@v/v3.0.0+incompatible.zip", f"mod download -json -- {M}@v3.0.0+incompatible"),
        ("git.corp.example/%21team/@v/%21main.info", "mod download -json -- git.corp.example/Team@Main"),
    ],
)
def test_each_path(path: str, asked: str, arguments: str) -> None:
    assert go_command(path).command(asked, PLACES).arguments == (f"{path}/go", *arguments.split())


@pytest.mark.parametrize(
    "asked",
    [
        f"{M}/@v/-x.info",
        f"{M}/@v/--upload-pack=touch%20x.info",
        f"{M}/@v/v1@v2.info",
        f"{M}/@v/upgrade.info",
        f"{M}/@v/patch.info",
        f"{M}/@v/none.info",
        "git.corp.example/a...b/@v/list",
        "git.corp.example/a...b/@v/v1.0.0.zip",
    ],
)
def test_what_could_be_taken_for_something_else_is_not_asked(path: str, asked: str) -> None:
    with pytest.raises(NotFound):
        go_command(path).command(asked, PLACES)


@pytest.mark.parametrize(
    "asked",
    [
        "-x/@v/list",
        "--flag/@v/list",
        "-git.corp.example/team/@v/list",
        "../../etc/@v/list",
        "git.corp.example/../x/@v/list",
        "git.corp.example/a%20b/@v/list",
        "git.corp.example/a%0Ab/@v/list",
        "file%3A///etc/@v/list",
        f"{M}/@v/a%2F..%2Fb.info",
        f"{M}/@v/v1.0.0%0A.info",
        f"{M}/@v/%3Ev1.0.0.info",
        f"{M}/@v/$(touch%20x);.info",
        "sumdb/sum.example.org/latest",
        "x",
    ],
)
def test_what_is_no_path_of_ours_is_refused(path: str, asked: str) -> None:
    with pytest.raises((Invalid, NotFound)):
        go_command(path).command(asked, PLACES)


def test_no_go(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="go is not installed on the server") as raised:
        go_command(str(tmp_path)).command(f"{M}/@v/list", PLACES)
    assert raised.value.retry_after == 600


# --- surroundings ------------------------------------------------------------------------------------------------


def environment(command: GoCommand) -> dict[str, str]:
    return dict(command.command(f"{M}/@v/list", PLACES).environment)


def test_the_environment_is_made_from_nothing(path: str) -> None:
    given = {
        "GOFLAGS": "-insecure",
        "GOPROXY": "https://x",
        "GIT_SSL_NO_VERIFY": "1",
        "GOINSECURE": "*",
        "HOME": "/root",
    }
    seen = environment(GoCommand(UpstreamSettings(url="", tool="vcs"), GoSettings(), {"PATH": path, **given}))
    assert {name: seen.get(name) for name in given} == {
        "GOFLAGS": "-modcacherw",
        "GOPROXY": "direct",
        "GIT_SSL_NO_VERIFY": None,
        "GOINSECURE": None,
        "HOME": "/scratch/home",
    }
    assert {name: seen[name] for name in ("GOENV", "GOWORK", "GOTOOLCHAIN", "GIT_TERMINAL_PROMPT")} == {
        "GOENV": "off",
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
        "GIT_TERMINAL_PROMPT": "0",
    }
    assert seen["GIT_ALLOW_PROTOCOL"] == "https"
    assert "GOVCS" not in seen
    folders = {seen[name] for name in ("GOMODCACHE", "GOPATH", "GOCACHE")}
    assert all(folder.startswith("/scratch/") for folder in folders)


def test_settings_reach_go_and_git(path: str) -> None:
    upstream = UpstreamSettings(url="", tool="vcs", ca_file=Path("/conf/ca.pem"))
    seen = environment(go_command(path, upstream, govcs="*:git"))
    assert seen["SSL_CERT_FILE"] == seen["GIT_SSL_CAINFO"] == "/conf/ca.pem"
    assert seen["SSL_CERT_DIR"] == "/scratch/home/none"
    assert seen["GOVCS"] == "*:git"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, {"https_proxy": "http://one.example.org", "NO_PROXY": "corp.example"}),
        ("", {}),
        (
            "socks5h://two.example.org:1080",
            {"https_proxy": "socks5h://two.example.org:1080", "HTTPS_PROXY": "socks5h://two.example.org:1080"},
        ),
    ],
)
def test_proxies(path: str, setting: str | None, expected: dict[str, str]) -> None:
    upstream = UpstreamSettings(url="", tool="vcs", http_proxy=setting)
    seen = environment(go_command(path, upstream, https_proxy="http://one.example.org", NO_PROXY="corp.example"))
    assert {name: value for name, value in seen.items() if "proxy" in name.lower() and name != "GOPROXY"} == expected


def test_logins_are_in_a_netrc_file_and_nowhere_else(path: str) -> None:
    logins = {
        "git.corp.example": CredentialSettings(username="ci", password="hunter2"),
        "b.example.org": CredentialSettings(username="x", password="y"),
    }
    command = go_command(path, UpstreamSettings(url="", tool="vcs", auth_hosts=logins)).command(f"{M}/@v/list", PLACES)
    assert command.files[".netrc"] == (
        "machine git.corp.example\nlogin ci\npassword hunter2\nmachine b.example.org\nlogin x\npassword y\n"
    )
    assert "hunter2" not in repr((command.arguments, command.environment))


# --- what it left ------------------------------------------------------------------------------------------------


def answered(report: object, code: int = 0, errors: bytes = b"") -> Outcome:
    return Outcome(code, json.dumps(report).encode() if report is not None else b"", errors)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"Path": M, "Version": "v1.1.0", "Versions": ["v1.10.0", "v1.9.0"]}, b"v1.9.0\nv1.10.0\n"),
        ({"Path": M, "Version": "v0.0.0-20231114221320-a92cf82c3f8c"}, b""),  # no tags
        (
            {"Path": M, "Versions": ["v1.0.0", "v1.1.0"], "Error": {"Err": "invalid version: go.mod …"}},
            b"v1.0.0\nv1.1.0\n",
        ),
    ],
)
def test_a_list(path: str, report: object, expected: bytes) -> None:
    assert go_command(path).content(f"{M}/@v/list", answered(report), PLACES) == expected


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ("@v/v1.0.0.info", "Info"),
        ("@v/main.info", "Info"),
        ("@latest", "Info"),
        ("@v/v1.0.0.mod", "GoMod"),
        ("@v/v1.0.0.zip", "Zip"),
    ],
)
@pytest.mark.parametrize("error", ["", "create zip: too large"])
def test_a_file(path: str, tmp_path: Path, asked: str, key: str, error: str) -> None:
    """It is there though another of the version is not."""
    places = Places(home=tmp_path / "home", cache=tmp_path)
    file = tmp_path / "v1.0.0.x"
    file.touch()
    report = {"Path": M, key: str(file)} | ({"Error": error} if error else {})
    assert go_command(path).content(f"{M}/{asked}", answered(report, int(bool(error))), places) == file


@pytest.mark.parametrize(
    ("outcome", "kind", "message"),
    [
        (answered({"Error": f"{M}@v1.0.0: invalid version: unknown revision v1.0.0"}, 1), NotFound, "unknown revision"),
        (answered({"Error": {"Err": f'module {M}: no matching versions for query "latest"'}}), NotFound, "no matching"),
        (answered(None, 1, b"go: cannot match\nx"), BadUpstream, "cannot match x"),
        (answered({"Zip": "/etc/passwd"}), BadUpstream, "without a word"),
        (answered({"Zip": "/scratch/cache/gone.zip"}), BadUpstream, "without a word"),
        (answered({"Zip": 5}), BadUpstream, "without a word"),
        (answered(["Zip"]), BadUpstream, "without a word"),
        (answered({}), BadUpstream, "without a word"),
        (Outcome(0, b'{"Zip": "/scr', b""), BadUpstream, "without a word"),
        (Outcome(0, b"[" * 100_000, b""), BadUpstream, "without a word"),
        (Outcome(-9, b"", b"\xff\xfe"), BadUpstream, "\ufffd\ufffd"),
    ],
)
@pytest.mark.parametrize("asked", [f"{M}/@v/v1.0.0.zip", f"{M}/@v/list"])
def test_no_answer(path: str, asked: str, outcome: Outcome, kind: type[MxartError], message: str) -> None:
    with pytest.raises(kind, match=message):
        go_command(path).content(asked, outcome, PLACES)


def test_a_login_is_not_passed_on(path: str) -> None:
    logins = {"git.corp.example": CredentialSettings(username="ci", password="hunter2")}
    upstream = UpstreamSettings(url="", tool="vcs", auth_hosts=logins, http_proxy="http://me:s3cret@proxy.example.org")
    outcome = answered(None, 1, b"fatal: hunter2 https://ci:x@git.corp.example s3cret")
    with pytest.raises(BadUpstream) as raised:
        go_command(path, upstream).content(f"{M}/@v/list", outcome, PLACES)
    assert raised.value.message == "fatal: … https://…@git.corp.example …"
