"""The stock container engines, each in a home of its own: nothing of the machine's configuration is read or changed.

::

    with Docker(client, names={"registry.test": "::1"}, trusted={"registry.test:8443": ca_file}) as docker:
        docker("pull", "registry.test:8443/house/app:1")               # what it prints; fails the test when it fails
        docker.refused("pull", "registry.test:8443/house/app:2")       # what it prints; fails the test when it works
    with Containers(registries=MIRRORS) as home:
        podman, buildah, skopeo = (home.tool(client(name)) for name in ("podman", "buildah", "skopeo"))
    with Containerd(client, hosts={"docker.io": HOSTS_TOML}) as containerd:
        containerd.pull("docker.io/library/app:1")
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_START = 30.0  # seconds
_COMMAND = 120.0  # seconds
# A mount namespace of the engine's own: what it mounts is gone when it is, and the machine's names and the
# certificates that it trusts stay as they are. It ends with the tests, even when those are killed.
_APART = ("setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private", "--")
_WITH_OWN_ETC = 'mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/etc" /etc/docker && exec "$@"'

Find = Callable[[str], str]  # the ``client`` fixture


class Tool:
    """A program with an environment of its own."""

    def __init__(self, program: str, environment: Mapping[str, str], folder: Path) -> None:
        self._program = program
        self._environment = {"PATH": _PATH, "LANG": "C.UTF-8", **environment}
        self._folder = folder

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """What the command prints. Fails the test when it fails."""
        done = self.attempt(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{self._told(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, *arguments: str, stdin: str = "") -> str:
        """What the command prints in all. Fails the test when it works."""
        done = self.attempt(*arguments, stdin=stdin)
        assert done.returncode != 0, f"{self._told(arguments)} worked:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def attempt(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [self._program, *arguments]
        return subprocess.run(
            command,
            input=stdin,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND,
            check=False,
        )

    def _told(self, arguments: Sequence[str]) -> str:
        return " ".join([Path(self._program).name, *arguments])


class _Daemon:
    """A process that serves at a socket until the block is left."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], answers: Callable[[], bool]) -> None:
        """True after: ``answers`` says that it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env={"PATH": _PATH, "HOME": str(self._log.parent)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START
        while not answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"{' '.join(command)} does not serve:\n{self._log.read_text()}")
            threading.Event().wait(0.05)

    def stop(self) -> None:
        """True after: the process and those of its group have ended."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Docker(Tool):
    """The docker command with a dockerd of its own."""

    def __init__(
        self,
        client: Find,
        *,
        mirrors: Sequence[str] = (),
        names: Mapping[str, str] | None = None,
        trusted: Mapping[str, Path] | None = None,
    ) -> None:
        """``mirrors``: URLs of mirrors of docker.io; ``names``: host names and their addresses, for dockerd;
        ``trusted``: whose certificates are trusted, as ``host:port`` to the authority's file."""
        self._home = _short_folder()
        super().__init__(client("docker"), self._client_environment(), self._home)
        self._dockerd = client("dockerd")
        self._daemon = _Daemon(self._home)
        self._mirrors = mirrors
        # docker.io itself is nowhere: what no mirror has is refused without a word to anybody
        hosts = {"localhost": "127.0.0.1", "registry-1.docker.io": "127.0.0.1", "index.docker.io": "127.0.0.1"}
        self._write_etc({**hosts, **(names or {})}, trusted or {})

    def _client_environment(self) -> dict[str, str]:
        return {
            "HOME": str(self._home),
            "DOCKER_CONFIG": str(self._home / "client"),
            "DOCKER_HOST": f"unix://{self._home}/socket",
            "DOCKER_BUILDKIT": "0",  # the builder that dockerd has itself; the other one is a program more
        }

    def _write_etc(self, names: Mapping[str, str], trusted: Mapping[str, Path]) -> None:
        (self._home / "hosts").write_text("".join(f"{address} {name}\n" for name, address in names.items()))
        (self._home / "etc").mkdir()
        for host, authority in trusted.items():
            folder = self._home / "etc/certs.d" / host
            folder.mkdir(parents=True)
            shutil.copy(authority, folder / "ca.crt")

    def __enter__(self) -> Self:
        home = self._home
        roots = ("--data-root", f"{home}/data", "--exec-root", f"{home}/exec", "--pidfile", f"{home}/pid")
        no_network = ("--bridge", "none", "--iptables=false", "--ip6tables=false")
        mirrors = [f"--registry-mirror={url}" for url in self._mirrors]
        command = [self._dockerd, "-H", f"unix://{home}/socket", *roots, "--storage-driver", "vfs", *no_network]
        own_etc = [*_APART, "sh", "-c", _WITH_OWN_ETC, str(home)]
        self._daemon.start([*own_etc, *command, *mirrors], lambda: self.attempt("version").returncode == 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._daemon.stop()
        shutil.rmtree(self._home)

    def run(self, image: str, *options: str) -> str:
        """What a container of the image prints."""
        return self("run", "--rm", "--network", "none", *options, image)

    def login(self, host: str, user: str, password: str) -> str:
        return self("login", "--username", user, "--password-stdin", host, stdin=password)


class Containers:
    """A home for podman, buildah and skopeo: their storage, logins and configuration. It is gone after the block."""

    def __init__(self, registries: str = "") -> None:
        """``registries``: their registries.conf."""
        self.folder = folder = _short_folder()
        (folder / ".config/containers").mkdir(parents=True)
        (folder / "run").mkdir()
        (folder / ".config/containers/policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self._write("auth.json", "{}")
        self._write("registries.conf", registries)
        self._write(
            "storage.conf",
            f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run/storage"\n',
        )
        # limits as they are: to raise them takes a right that root in a sandbox may lack
        self._write(
            "containers.conf",
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
            f'tmp_dir = "{folder}/run/libpod"\n',
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def tool(self, program: str) -> Tool:
        """That program at home here."""
        environment = {
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "TMPDIR": str(self.folder / "run"),
            "REGISTRY_AUTH_FILE": str(self.folder / "auth.json"),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.folder / "registries.conf"),
        }
        return Tool(program, environment, self.folder)


class Containerd(Tool):
    """ctr with a containerd of its own."""

    def __init__(self, client: Find, *, hosts: Mapping[str, str] | None = None) -> None:
        """``hosts``: the hosts.toml of each registry, by its name."""
        self._home = _short_folder()
        environment = {
            "HOME": str(self._home),
            "CONTAINERD_ADDRESS": f"{self._home}/socket",
            "CONTAINERD_SNAPSHOTTER": "native",
        }
        super().__init__(client("ctr"), environment, self._home)
        self._containerd = client("containerd")
        self._daemon = _Daemon(self._home)
        for name, text in (hosts or {}).items():
            (self._home / "hosts" / name).mkdir(parents=True)
            (self._home / "hosts" / name / "hosts.toml").write_text(text)

    def __enter__(self) -> Self:
        home, config = self._home, self._home / "config.toml"
        config.write_text(
            f'version = 2\nroot = "{home}/root"\nstate = "{home}/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'
            f'[grpc]\naddress = "{home}/socket"\n[ttrpc]\naddress = "{home}/socket.ttrpc"\n'
        )
        command = [*_APART, self._containerd, "--config", str(config)]
        self._daemon.start(command, lambda: self.attempt("version").returncode == 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._daemon.stop()
        shutil.rmtree(self._home)

    def pull(self, image: str, *options: str) -> str:
        return self("images", "pull", *self._hosts, *options, image)

    def pull_refused(self, image: str, *options: str) -> str:
        return self.refused("images", "pull", *self._hosts, *options, image)

    def push(self, image: str, *options: str) -> str:
        return self("images", "push", *self._hosts, *options, image)

    def push_refused(self, image: str, *options: str) -> str:
        return self.refused("images", "push", *self._hosts, *options, image)

    def run(self, image: str) -> str:
        """What a container of the image prints."""
        unlike_any = f"mxart-{secrets.token_hex(8)}"  # runc knows no other daemons, but all their containers
        return self("run", "--rm", image, unlike_any)

    def forget(self, image: str) -> None:
        """True after: neither the image nor what only it has is held."""
        self("images", "remove", "--sync", image)

    @property
    def _hosts(self) -> tuple[str, str]:
        return "--hosts-dir", str(self._home / "hosts")


def _short_folder() -> Path:
    """A folder with a short name: a socket's path has 107 bytes at most, and podman waits in vain at a longer one."""
    return Path(tempfile.mkdtemp(prefix="mxart-", dir="/tmp"))
