"""What the go command (1.26, with git 2.39) really said, and what it means. Its folders are FOLDER here."""

from __future__ import annotations

import time

import pytest

from mxart.errors import BadUpstream, MxartError, NotFound, StoreFull, Unavailable
from mxart.formats.go.verdicts import Scene, verdict

M = "git.corp.example/team/hello"
FOLDER = "/srv/mxart/data/scratch/go~cache~1700001061"
LS_REMOTE = (
    f"{M}@v1.0.0: invalid version: git ls-remote -q --end-of-options https://{M}.git in "
    f"{FOLDER}/modules/cache/vcs/c0f4458e68a56c4ccecd97af24f8d7167e52c41773bce23d4097825b7314bec3: exit status 128:\n\t"
)
GO_GET = f'{M}@v1.0.0: unrecognized import path "{M}": '
PAGE = f"https://{M}?go-get=1"
UNREACHABLE = f"fatal: unable to access 'https://{M}.git/': "
FAQ = (
    "\nConfirm the import path was entered correctly.\n"
    "If this is a private repository, see https://go.example.org/doc/faq#git_https for additional information."
)

SCENE = Scene(module=M, known_hosts=frozenset({"known.corp.example"}), folders=(FOLDER,), secrets=("hunter2",))

ROWS: list[tuple[str, type[MxartError], str]] = [
    # there is nothing
    (f"{M}@v9.9.9: invalid version: unknown revision v9.9.9", NotFound, "unknown revision v9.9.9"),
    (f"{M}/sub@v1.0.0: invalid version: unknown revision sub/v1.0.0", NotFound, "unknown revision sub/v1.0.0"),
    (f'module {M}: no matching versions for query "latest"', NotFound, "no matching versions"),
    (f'go: module {M}: no matching versions for query "latest"\n', NotFound, f"module {M}: no matching versions"),
    (f"{GO_GET}reading {PAGE}: 404 Not Found", NotFound, "(if it is private, git.corp.example wants a login in auth_"),
    (f"{GO_GET}reading {PAGE}: 410 Gone", NotFound, "410 Gone"),
    (f"{GO_GET}parse {PAGE}: no go-import meta tags ()", NotFound, "no go-import meta tags"),
    (
        f"{GO_GET}parse {PAGE}: no go-import meta tags (meta tag {M}/deeper did not match import path {M})",
        NotFound,
        "did not match",
    ),
    (
        f"{LS_REMOTE}fatal: repository 'https://{M}.git/' not found",
        NotFound,
        f"repository 'https://{M}.git/' not found",
    ),
    (f"{LS_REMOTE}{UNREACHABLE}The requested URL returned error: 410", NotFound, "410"),
    (
        f"{M}@v1.0.1-0.20231114221521-0dfe651bb2cd: invalid pseudo-version: does not match version-control timestamp "
        "(expected 20231114221520)",
        NotFound,
        "does not match version-control timestamp",
    ),
    (
        f"{M}@v1.0.5-0.20231114221520-0dfe651bb2cd: invalid pseudo-version: preceding tag (v1.0.4) not found",
        NotFound,
        "",
    ),
    (f"{M}@v1.1.0: invalid version: go.mod is missing module path at revision v1.1.0", NotFound, "go.mod is missing"),
    (
        f'{M}/v2@v2.0.0: invalid version: go.mod has non-.../v2 module path "{M}" (and .../v2/go.mod does not exist) '
        "at revision v2.0.0",
        NotFound,
        "go.mod has non-.../v2 module path",
    ),
    (
        f"{M}@v2.0.0+incompatible: invalid version: module contains a go.mod file, so module path must match major "
        f'version ("{M}/v2")',
        NotFound,
        "must match major version",
    ),
    ('code.example/foo@v1.0.0: invalid code.example import path "code.example/foo"', NotFound, "invalid code.example"),
    (
        f"{M}@v1.0.0: reading https://git.corp.example/modproxy/{M}/@v/v1.0.0.info: 404 Not Found",
        NotFound,
        "404 Not Found",
    ),
    # nobody is let in
    (f"{GO_GET}reading {PAGE}: 401 Unauthorized", BadUpstream, "git.corp.example lets nobody in: give it a login in"),
    (f"{GO_GET}reading {PAGE}: 403 Forbidden", BadUpstream, "auth_hosts"),
    (
        f"{LS_REMOTE}fatal: could not read Username for 'https://git.corp.example': terminal prompts disabled{FAQ}",
        BadUpstream,
        "git.corp.example lets nobody in: give it a login in the repository's auth_hosts "
        f"({M}@v1.0.0: invalid version: fatal: could not read Username for 'https://git.corp.example': terminal "
        "prompts disabled)",
    ),
    (
        f"{LS_REMOTE}fatal: could not read Username for 'https://known.corp.example': terminal prompts disabled{FAQ}",
        BadUpstream,
        "known.corp.example lets nobody in: check its login in the repository's auth_hosts",
    ),
    (f"{LS_REMOTE}fatal: Authentication failed for 'https://{M}.git/'", BadUpstream, "auth_hosts"),
    (f"{LS_REMOTE}{UNREACHABLE}The requested URL returned error: 403", BadUpstream, "auth_hosts"),
    (f"{LS_REMOTE}{UNREACHABLE}CONNECT tunnel failed, response 407", BadUpstream, "http_proxy"),
    (f'{GO_GET}https fetch: Get "{PAGE}": Proxy Authentication Required', BadUpstream, "http_proxy"),
    # certificates
    (
        f'{GO_GET}https fetch: Get "{PAGE}": tls: failed to verify certificate: x509: certificate signed by unknown '
        "authority",
        BadUpstream,
        "the certificate of git.corp.example cannot be verified: name its authority in the repository's ca_file",
    ),
    (
        f"{LS_REMOTE}{UNREACHABLE}server certificate verification failed. CAfile: none CRLfile: none",
        BadUpstream,
        "ca_file",
    ),
    # nobody can be asked
    (
        f'{GO_GET}https fetch: Get "{PAGE}": dial tcp: lookup git.corp.example on 192.0.2.53:53: no such host',
        Unavailable,
        "",
    ),
    (f'{GO_GET}https fetch: Get "{PAGE}": dial tcp 192.0.2.1:443: connect: connection refused', Unavailable, ""),
    (f'{GO_GET}https fetch: Get "{PAGE}": proxyconnect tcp: dial tcp 192.0.2.9:3128: i/o timeout', Unavailable, ""),
    (f'{GO_GET}https fetch: Get "{PAGE}": unexpected EOF', Unavailable, "git.corp.example cannot be reached"),
    (f'{GO_GET}https fetch: Get "{PAGE}": EOF', Unavailable, "git.corp.example cannot be reached"),
    (f"{LS_REMOTE}{UNREACHABLE}Could not resolve host: git.corp.example", Unavailable, "cannot be reached"),
    (
        f"{LS_REMOTE}{UNREACHABLE}Failed to connect to 192.0.2.1 port 443 after 0 ms: Couldn't connect to server",
        Unavailable,
        "",
    ),
    (f"{LS_REMOTE}{UNREACHABLE}Proxy CONNECT aborted", Unavailable, ""),
    (f"{GO_GET}reading {PAGE}: 429 Too Many Requests", Unavailable, "is busy"),
    (f"{GO_GET}reading {PAGE}: 503 Service Unavailable", Unavailable, "is busy"),
    (f"{LS_REMOTE}{UNREACHABLE}The requested URL returned error: 429", Unavailable, "is busy"),
    # programs
    (
        f'{M}@v1.0.0: unable to resolve git version: failed to execute git version: exec: "git": executable file not '
        "found in $PATH",
        Unavailable,
        "git is not installed on the server",
    ),
    (
        f'{M}@v1.0.0: hg init . in {FOLDER}/modules/cache/vcs/6466: exec: "hg": executable file not found in $PATH',
        Unavailable,
        "hg is not installed on the server",
    ),
    (
        f"{M}@v1.0.0 requires go >= 1.99 (running go 1.26.8; GOTOOLCHAIN=local)",
        BadUpstream,
        "install a newer Go on the server",
    ),
    (f"mkdir {FOLDER}/modules/cache: no space left on device", StoreFull, "free some space"),
    # whatever else
    (f"{GO_GET}reading {PAGE}: 500 Internal Server Error", BadUpstream, "git.corp.example failed"),
    (f"{LS_REMOTE}{UNREACHABLE}The requested URL returned error: 500", BadUpstream, "git.corp.example failed"),
    (
        f"{LS_REMOTE}error: RPC failed; HTTP 500 curl 22 The requested URL returned error: 500\n"
        "\tfatal: expected flush after ref listing",
        BadUpstream,
        "git.corp.example failed",
    ),
    (f"{LS_REMOTE}fatal: transport 'ssh' not allowed", BadUpstream, "transport 'ssh' not allowed"),
    (
        f"{GO_GET}GOVCS disallows using svn for public {M}; see 'go help vcs'",
        BadUpstream,
        "GOVCS disallows using svn",
    ),
    (f'{GO_GET}{PAGE}: invalid repo root "file:///etc": file scheme disallowed', BadUpstream, "file scheme disallowed"),
    (f"{M}.git@v1.0.0: no secure protocol found for repository", BadUpstream, "no secure protocol"),
    (
        'create zip: con/aux.txt: malformed file path "con/aux.txt": "con" disallowed as path element component on '
        "Windows",
        BadUpstream,
        "create zip",
    ),
    ("", BadUpstream, "the go command failed without a word"),
    (f"{M}@v1.0.0: invalid version: git fetch -f origin in {FOLDER}/modules: signal: killed", BadUpstream, "signal"),
    (f"{M}@v1.0.0: invalid version: what nobody has said yet", BadUpstream, "what nobody has said yet"),
    ("signal: killed", BadUpstream, "signal: killed"),
]


@pytest.mark.parametrize(("complaint", "kind", "message"), ROWS, ids=[row[0][-60:] for row in ROWS])
def test_each_complaint(complaint: str, kind: type[MxartError], message: str) -> None:
    error = verdict(complaint, SCENE)
    assert type(error) is kind
    assert message in error.message
    assert "/srv" not in error.message
    assert "\n" not in error.message
    assert len(error.message) < 600


@pytest.mark.parametrize(
    ("complaint", "status"),
    [
        (f"{GO_GET}reading {PAGE}: 401 Unauthorized", 401),
        (f"{LS_REMOTE}fatal: could not read Username for 'https://git.corp.example': terminal prompts disabled", 401),
        (f"{LS_REMOTE}{UNREACHABLE}The requested URL returned error: 502", 502),
        ("odd", 0),
    ],
)
def test_the_status_is_told(complaint: str, status: int) -> None:
    error = verdict(complaint, SCENE)
    assert isinstance(error, BadUpstream)
    assert error.status == status


def test_no_secret_is_passed_on() -> None:
    complaint = f"{LS_REMOTE}fatal: 'https://ci:other@{M}' hunter2\x1b[31m https://me:hunter2@proxy.example.org:3128"
    message = verdict(complaint, SCENE).message
    assert "hunter2" not in message
    assert "other@" not in message
    assert message.isprintable()


@pytest.mark.parametrize(
    "filler", ["git a ", "requires go >= x (running go ", "repository '", "reading x:", "https://"]
)
def test_whatever_a_source_says_is_read_at_once(filler: str) -> None:
    complaint = f"{LS_REMOTE}remote: {filler * (1_000_000 // len(filler))}hunter2\n\tfatal: Authentication failed"
    begun = time.process_time()
    error = verdict(complaint, SCENE)
    assert time.process_time() - begun < 2
    assert isinstance(error, BadUpstream)
    assert error.status == 401  # as its last words say


def test_no_secret_is_cut_in_two() -> None:
    for before in range(4070, 4100):
        message = verdict("\n" * before + "hunter2" + "x" * 9000, SCENE).message
        assert "hunt" not in message


def test_a_long_complaint_is_cut() -> None:
    message = verdict("x" * 5000, SCENE).message
    assert len(message) == 400
    assert message.endswith("…")
