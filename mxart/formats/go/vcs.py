"""Modules straight from version control: what the go command of this machine is asked for each path of the protocol,
and in what surroundings. Pure, but for looking for the program, and at what it left.

What it complains of is read in ``verdicts.py``; who runs it, and for how long, is not known here.

Specifications: Go Modules Reference, "VCS" (finding a repository, mapping versions to commits), "Environment
variables"; ``go help goproxy``: what GOPROXY=direct gives is what a proxy is to give.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mxart.errors import NotFound
from mxart.formats.go import paths, verdicts
from mxart.formats.go.documents import format_list
from mxart.formats.go.paths import GoResource
from mxart.formats.go.settings import GoSettings
from mxart.registration import Command, Outcome, Places
from mxart.settings import UpstreamSettings

_FILES: Mapping[str, str] = {"info": "Info", "latest": "Info", "mod": "GoMod", "zip": "Zip"}  # kind → key of the report
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_RELATIVE = frozenset({"upgrade", "patch", "none"})  # to the go command these are about the module it stands in

# A main module of its own, so that none in a folder above counts, with its replace directives.
_GOMOD = "module mxart.invalid\n"
# No hook runs, nothing goes on in the background, no program is asked for a password, and a connection on which
# nothing comes for a minute ends, even when nobody is left to watch over it.
_GITCONFIG = """[core]
	hooksPath = /dev/null
[gc]
	auto = 0
[maintenance]
	auto = false
[credential]
	helper =
[http]
	lowSpeedLimit = 1
	lowSpeedTime = 60
"""


class GoCommand:
    """`Tool`: the go command of this machine, and by it git and what else GOVCS allows.

    A module's zip is made along with its info, because only then the go command tells whether the version is one, and
    why not; the next who asks finds it in the cache.
    """

    def __init__(
        self, upstream: UpstreamSettings, settings: GoSettings, environ: Mapping[str, str] | None = None
    ) -> None:
        """``environ``: where PATH and, unless ``upstream`` says it, proxies are taken from; None: the process's own."""
        self._upstream = upstream
        self._settings = settings
        self._environ = os.environ if environ is None else environ

    def command(self, path: str, places: Places) -> Command:
        """See `mxart.registration.Tool`."""
        asked = _asked(path)
        program = shutil.which("go", path=self._environ.get("PATH", os.defpath))
        if program is None:
            raise verdicts.not_installed("go")
        return Command(
            arguments=(program, *_arguments(asked)),
            environment=self._environment(places),
            files={
                "go.mod": _GOMOD,
                ".gitconfig": _GITCONFIG,
                ".netrc": self._netrc(),
                ".config/go/telemetry/mode": "off",  # else it counts what it does, in the background, too
            },
        )

    def content(self, path: str, outcome: Outcome, places: Places) -> Path | bytes:
        """See `mxart.registration.Tool`."""
        asked = _asked(path)
        report = _report(outcome)
        if asked.kind == "list":
            versions = report.get("Versions", [])
            # what is wrong with the newest of them, as a broken go.mod, keeps nobody from the others
            if isinstance(versions, list) and (versions or ("Version" in report and "Error" not in report)):
                return format_list(map(str, versions))
        else:
            file = Path(str(report.get(_FILES[asked.kind], "")))
            if file.is_relative_to(places.cache) and file.is_file():
                return file
        raise verdicts.verdict(_complaint(outcome, report), self._scene(asked, places))

    def _scene(self, asked: GoResource, places: Places) -> verdicts.Scene:
        proxy = urlsplit(self._upstream.http_proxy or "").password
        secrets = [login.password for login in self._upstream.auth_hosts.values()]
        return verdicts.Scene(
            module=asked.module,
            known_hosts=frozenset(self._upstream.auth_hosts),
            folders=(str(places.home), str(places.cache)),
            secrets=tuple(filter(None, (*secrets, proxy))),
        )

    # --- surroundings ---

    def _environment(self, places: Places) -> dict[str, str]:
        """All that the go command and git see, made from nothing."""
        environment = {
            "PATH": self._environ.get("PATH", os.defpath),
            "HOME": str(places.home),
            "LC_ALL": "C",
            "GO111MODULE": "on",
            "GOENV": "off",
            "GOWORK": "off",
            "GOFLAGS": "-modcacherw",
            "GOTOOLCHAIN": "local",
            "GOPROXY": "direct",
            "GOSUMDB": "off",
            "GOMODCACHE": str(places.cache / "modules"),
            "GOPATH": str(places.home / "gopath"),
            "GOCACHE": str(places.home / "build"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "https",
            **self._proxies(),
        }
        if self._settings.govcs:
            environment["GOVCS"] = self._settings.govcs
        if self._upstream.ca_file is not None:
            environment |= {"SSL_CERT_FILE": str(self._upstream.ca_file), "GIT_SSL_CAINFO": str(self._upstream.ca_file)}
            environment["SSL_CERT_DIR"] = str(places.home / "none")  # else Go trusts the system's authorities beside it
        return environment

    def _proxies(self) -> dict[str, str]:
        """Go reads the names in capitals first, git some of them only in small letters."""
        url = self._upstream.http_proxy
        if url is None:
            names = [spelt for name in _PROXIES for spelt in (name, name.upper())]
            return {name: self._environ[name] for name in names if name in self._environ}
        return {"https_proxy": url, "HTTPS_PROXY": url} if url else {}

    def _netrc(self) -> str:
        """Read by go and by git (libcurl); each login is for its host alone, and sent over TLS only."""
        logins = self._upstream.auth_hosts.items()
        return "".join(f"machine {host}\nlogin {login.username}\npassword {login.password}\n" for host, login in logins)


def _asked(path: str) -> GoResource:
    """What a path of ours asks for. Raises NotFound for what the go command could take for something else than the name
    of a module or of a revision."""
    asked = paths.parse(unquote(path), ())
    if "..." in asked.module:
        raise NotFound(f"module {asked.module}: a name with ... in it is a pattern, and no module in version control")
    if asked.version.startswith("-") or "@" in asked.version or asked.version in _RELATIVE:
        raise NotFound(f"{asked.module}@{asked.version}: no revision in version control can be asked for so")
    return asked


def _arguments(asked: GoResource) -> tuple[str, ...]:
    """A module path begins with a letter or a digit, so that the last argument is no option."""
    if asked.kind == "list":
        return "list", "-e", "-m", "-json", "-versions", "-retracted", "--", f"{asked.module}@latest"
    return "mod", "download", "-json", "--", f"{asked.module}@{asked.version or 'latest'}"


def _report(outcome: Outcome) -> Mapping[str, object]:
    """The JSON object that the go command printed; an empty one when it did not."""
    try:
        report = json.loads(outcome.output)
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def _complaint(outcome: Outcome, report: Mapping[str, object]) -> str:
    """What it says went wrong."""
    error = report.get("Error")
    text = error.get("Err") if isinstance(error, dict) else error
    return str(text) if text else outcome.errors.decode(errors="replace")
