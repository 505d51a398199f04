"""What Maven on this machine uses today, as proposals of a proxy.

Specifications: Maven, "Settings Reference" (mirrors); the super POM, in which Maven's built-in repository stands.
"""

from __future__ import annotations

import io
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

from mxart.registration import Proposal

Run = Callable[[Sequence[str]], str]

_NAME = "maven-central"
_SUPER_POM = "org/apache/maven/model/pom-4.0.0.xml"
_CENTRAL = "central"
_MATCHING = ("*", "external:*", _CENTRAL)  # not external:http:*, the built-in repository is asked by https
_LARGEST = 1 << 20  # bytes of a settings.xml or a super POM that make sense


def discover(run: Run, environ: Mapping[str, str]) -> Sequence[Proposal]:
    """What the user's and then Maven's own settings mirror the built-in repository with, then that itself, as choices;
    nothing where no Maven is installed."""
    home = _home(environ)
    if home is None:
        return ()
    files = [Path(environ["HOME"]) / ".m2" / "settings.xml"] if environ.get("HOME") else []
    proposals = [each for file in (*files, home / "conf" / "settings.xml") for each in _mirrors(file)]
    built_in = _built_in(home)
    return [*proposals, *([_proposal(built_in, "Maven's built-in repository")] if built_in else [])]


def _home(environ: Mapping[str, str]) -> Path | None:
    """Where Maven is installed: above the folder of its command, or beside that when the command is a mere script."""
    command = shutil.which("mvn", path=environ.get("PATH", ""))
    if command is None:
        return None
    above = Path(command).resolve().parent.parent
    behind = above / "libexec"  # so Homebrew has it
    return behind if (behind / "lib").is_dir() else above


def _mirrors(file: Path) -> Iterator[Proposal]:
    root = _xml(_text(file))
    if root is None:
        return
    for mirror in root.iterfind(".//{*}mirror"):
        url = (mirror.findtext("{*}url") or "").strip().rstrip("/")
        means = [word.strip() for word in (mirror.findtext("{*}mirrorOf") or "").split(",")]
        blocked = (mirror.findtext("{*}blocked") or "").strip() == "true"
        if not blocked and any(word in _MATCHING for word in means) and f"!{_CENTRAL}" not in means and _is_plain(url):
            yield _proposal(url, f"a mirror in {file.name} of Maven")


def _built_in(home: Path) -> str:
    """The URL of the repository that Maven asks when nobody says another; "" when that is not to be found."""
    for jar in sorted((home / "lib").glob("maven-model-builder-*.jar")):
        try:
            with zipfile.ZipFile(jar) as archive, archive.open(_SUPER_POM) as file:
                root = _xml(file.read(_LARGEST))
        except (OSError, KeyError, zipfile.BadZipFile, zlib.error):
            continue
        if root is None:
            continue
        for repository in root.iterfind(".//{*}repositories/{*}repository"):
            url = (repository.findtext("{*}url") or "").strip().rstrip("/")
            if (repository.findtext("{*}id") or "").strip() == _CENTRAL and _is_plain(url):
                return url
    return ""


def _text(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST)
    except OSError:
        return b""


def _xml(data: bytes) -> ElementTree.Element | None:
    """A document of this machine's own; None when it is none."""
    if not data or re.search(rb"<!DOCTYPE|<!ENTITY", data):
        return None
    try:
        return ElementTree.parse(io.BytesIO(data)).getroot()
    except (ElementTree.ParseError, ValueError, LookupError):
        return None


def _is_plain(url: str) -> bool:
    """Whether it is an http or https URL without credentials or placeholders."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and "$" not in url
    except ValueError:
        return False


def _proposal(upstream: str, origin: str) -> Proposal:
    return Proposal(name=_NAME, format="maven", upstream=upstream, origin=origin)
