"""What the go command's complaints about version control mean: whether the source says that there is nothing, cannot be
asked, or does not let us in. Pure.

The words are those of the go command and of git, which have no codes for them; whatever is not known here is taken for
a failure, never for an absence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mxart.errors import BadUpstream, MxartError, NotFound, StoreFull, Unavailable

_LONGEST = 400  # characters of a complaint that are passed on; the go command shows its users some 600
_READ = 4096  # characters of a complaint that are read, at its beginning and at its end: its author may be anybody, and
#               the searches below take a time that grows with its square
_ABSENT_PROGRAM = 600.0  # seconds; somebody has to install it first

_PROGRAM = re.compile(r'exec: "([a-z]+)": executable file not found')
_STATUS = re.compile(r"(?:returned error: |reading \S+: |RPC failed; HTTP |HTTP code |response )([1-5][0-9]{2})\b")
_LOGIN = re.compile(r"could not read (?:Username|Password)|Authentication failed|terminal prompts disabled")
_CERTIFICATE = re.compile(r"x509:|certificate verification failed|SSL certificate problem|certificate signed by")
_NETWORK = re.compile(
    r"dial tcp|dial udp|proxyconnect|socks connect|i/o timeout|TLS handshake timeout|unexpected EOF|: EOF|"
    r"connection (?:refused|reset|timed out)|no route to host|network is unreachable|server misbehaving|"
    r"Could not resolve|Failed to connect|[Tt]imed out|[Tt]imeout|Proxy CONNECT aborted|Operation too slow|"
    r"Empty reply from server|early EOF|remote end hung up|Recv failure|Send failure|Connection reset|"
    r"context deadline exceeded|Can't complete SOCKS",
)
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_NO_REPOSITORY = re.compile(r"repository '[^']*' not found")
_ABSENT = re.compile(
    r"unknown revision|no matching versions for query|no go-import meta tags|did not match import path|"
    r"invalid \S+ import path|invalid pseudo-version|"
    r"invalid version: (?:go\.mod |module contains |missing |should be |\S*\+incompatible suffix )"
)
_OLD_GO = re.compile(r"requires go >= \S+ \(running go [^)]*\)")

_COMMAND = re.compile(r"\b(?:git|hg|svn|bzr|fossil) \S+ .*?: exit status [0-9]+:\s*", re.DOTALL)  # what was run
_ADVICE = re.compile(r"\nConfirm the import path was entered correctly\..*", re.DOTALL)  # ours is another
_HOST = re.compile(r"https://([^\s/'\"?]+)")
_USERINFO = re.compile(r"://[^\s/@]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a complaint is about, and what of it is nobody's business."""

    module: str
    known_hosts: frozenset[str]  # those that are given a login
    folders: tuple[str, ...]
    secrets: tuple[str, ...]


def verdict(complaint: str, scene: Scene) -> MxartError:
    """The error that a complaint stands for: NotFound when the source said so, Unavailable when it could not be asked,
    StoreFull, BadUpstream for everything else. Its message is one line, the go command's words in it."""
    complaint = _shortened(complaint, scene.secrets)
    words = _fit(complaint, scene.folders)
    if program := _PROGRAM.search(complaint):
        return not_installed(program[1])
    if _FULL.search(complaint):
        return StoreFull("no room is left for the folder in which tools work: free some space on its disk")
    if status := _STATUS.search(complaint):
        return _by_status(int(status[1]), words, scene)
    if "Proxy Authentication Required" in complaint:
        return _by_status(407, words, scene)
    if _LOGIN.search(complaint):
        return _by_status(401, words, scene)
    if _CERTIFICATE.search(complaint):
        return BadUpstream(
            f"the certificate of {_host(words, scene)} cannot be verified: name its authority in the repository's "
            f"ca_file ({words})"
        )
    if _NO_REPOSITORY.search(complaint):
        return _by_status(404, words, scene)
    if _ABSENT.search(complaint):
        return NotFound(words)
    if _NETWORK.search(complaint):
        return Unavailable(f"{_host(words, scene)} cannot be reached: {words}")
    if _OLD_GO.search(complaint):
        return BadUpstream(f"{words}: install a newer Go on the server")
    return BadUpstream(words)


def not_installed(program: str) -> Unavailable:
    """What is said when the server lacks a program. Nobody need ask again before somebody has installed it."""
    return Unavailable(f"{program} is not installed on the server: install it there", _ABSENT_PROGRAM)


def _by_status(status: int, words: str, scene: Scene) -> MxartError:
    host = _host(words, scene)
    if status in (404, 410):
        private = "" if host in scene.known_hosts else f" (if it is private, {host} wants a login in auth_hosts)"
        return NotFound(f"{words}{private}")
    if status in (401, 403):
        remedy = "check its login in" if host in scene.known_hosts else "give it a login in"
        return BadUpstream(f"{host} lets nobody in: {remedy} the repository's auth_hosts ({words})", status)
    if status == 407:
        return BadUpstream(f"the proxy wants a login: put it into the repository's http_proxy ({words})", status)
    if status in (429, 503):
        return Unavailable(f"{host} is busy: {words}")
    return BadUpstream(f"{host} failed: {words}", status)


def _host(words: str, scene: Scene) -> str:
    """Whom the complaint is about: the host of the first URL in it, else that of the module."""
    found = _HOST.search(words)
    return found[1] if found else scene.module.partition("/")[0]


def _shortened(complaint: str, secrets: tuple[str, ...]) -> str:
    """The complaint without secrets, and without what lies between its beginning and its end when it is long."""
    for secret in secrets:  # first: nobody would know half a one
        complaint = complaint.replace(secret, "…")
    return complaint if len(complaint) <= 2 * _READ else f"{complaint[:_READ]}…{complaint[-_READ:]}"


def _fit(complaint: str, folders: tuple[str, ...]) -> str:
    """The complaint on one line, without folders of this machine and without logins in URLs."""
    for folder in folders:
        complaint = re.sub(rf"(?: in )?{re.escape(folder)}[^\s:]*", "", complaint)
    complaint = _USERINFO.sub("://…@", _COMMAND.sub("", _ADVICE.sub("", complaint)))
    line = " ".join(complaint.split()).removeprefix("go: ")
    line = "".join(character if character.isprintable() else " " for character in line)
    return (line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…") or "the go command failed without a word"
