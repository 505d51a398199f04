"""What the clients on this machine use today: the formats' proposals, less those that would not work."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from mxart.config import NO_OVERRIDES, ConfigurationError, Overrides, Starter, quick_start, starters
from mxart.registration import FormatFactory, Proposal
from mxart.settings import ServerSettings

_TIME_LIMIT = 3.0  # seconds for one command: the quick start waits for it
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PROBE = str(Path(__file__).with_name("probe.py"))


@dataclass(frozen=True, slots=True)
class Discovery:
    """The proposals that work, and a sentence for each that does not."""

    proposals: tuple[Proposal, ...]
    notes: tuple[str, ...]


def discover(
    formats: Mapping[str, FormatFactory], environ: Mapping[str, str], overrides: Overrides = NO_OVERRIDES
) -> Discovery:
    """Ask every format what its clients use. Runs their commands, a few seconds at the most for each.

    Of several proposals for one repository the first that works is taken: a client may use this server already,
    and say what comes after it. What a proposal needs is asked for, a few seconds at the most.
    """
    proposals: list[Proposal] = []
    notes: list[str] = []
    listen = overrides.listen or ServerSettings().listen
    for factory in formats.values():
        for proposal in factory.discover(lambda command: run(command, environ), environ):
            if any((taken.format, taken.name) == (proposal.format, proposal.name) for taken in proposals):
                continue
            objection = _objection([*proposals, proposal], formats, environ, listen)
            if objection:
                notes.append(f"passed over from {proposal.origin}: {objection}")
            elif not (proposal.needs and is_absent(proposal.needs, environ)):
                proposals.append(proposal)
    return Discovery(tuple(proposals), tuple(dict.fromkeys(notes)))


def introduction(found: Discovery, formats: Mapping[str, FormatFactory]) -> Iterator[str]:
    """What a person who started without a configuration file should know, line by line."""
    yield "no configuration file: quick start, storing under ./data"
    for starter in starters(found.proposals, formats):
        yield f"repository {_introduced(starter)}"
    yield from found.notes
    if not found.proposals:
        yield "no client's upstream was found, so nothing is fetched from elsewhere"
    yield "to publish, log in as admin; the first start writes the password to ./data/admin-password"
    yield "to change any of this: `mxart init` writes mxart.toml, which the next start reads"


def _introduced(starter: Starter) -> str:
    match starter.table:
        case {"kind": "proxy", "name": name, "upstream": upstream}:
            return f"{name} caches {upstream} (from {starter.origin})"
        case {"kind": "group", "name": name, "members": [*members], "publish_to": taker}:
            return f"{name} offers {' and '.join(map(str, members))}; what is published to it goes to {taker}"
    return f"{starter.table['name']} holds what is published"


def run(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """What the command prints on standard output; "" when it is missing, fails or takes too long. No shell.

    It runs in the root folder: a project's own settings in the working directory are not the machine's.
    """
    try:
        result = subprocess.run(
            command,
            env=dict(environ),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIME_LIMIT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.decode(errors="replace")


def is_absent(url: str, environ: Mapping[str, str]) -> bool:
    """Whether ``url`` answers that there is no such thing (404, 410); False when there is no answer."""
    return run([sys.executable, "-I", _PROBE, url], environ).strip() in ("404", "410")


def _objection(
    proposals: Sequence[Proposal],
    formats: Mapping[str, FormatFactory],
    environ: Mapping[str, str],
    listen: Iterable[str],
) -> str:
    """Why the last of the proposals cannot be taken over beside the others; "" when it can."""
    proposal = proposals[-1]
    try:
        quick_start(proposals, formats, environ)
    except ConfigurationError as error:
        return "; ".join(problem.message for problem in error.problems)
    if leads_here(proposal.upstream, listen):
        return f"{proposal.upstream} is this server itself"
    return ""


def leads_here(url: str, listen: Iterable[str]) -> bool:
    """Whether ``url`` names a port of this machine that is among the addresses to listen on.

    >>> leads_here("http://localhost:8080/go", ["127.0.0.1:8080"])
    True
    >>> leads_here("http://localhost:3000/go", ["127.0.0.1:8080"])
    False
    """
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    ports = {address.rpartition(":")[2] for address in listen if not address.startswith("unix:")}
    return str(port) in ports and _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    if host in ("localhost", socket.gethostname().lower()) or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified or _is_own(host)


def _is_own(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))  # the kernel lets us bind our own addresses only
    except OSError:
        return False
    return True
