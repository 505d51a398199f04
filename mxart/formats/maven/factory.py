"""What Maven repositories register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mxart.errors import Unsupported
from mxart.formats.maven import discover, names
from mxart.formats.maven.format import MavenFormat
from mxart.formats.maven.settings import MavenSettings
from mxart.registration import Proposal, Tool
from mxart.settings import Kind, UpstreamSettings


class MavenFactory:
    """Registers Maven repositories."""

    name = "maven"
    kinds: tuple[str, ...] = ("proxy", "hosted", "group")
    tools: tuple[str, ...] = ()
    root = ""
    settings = MavenSettings
    examples = ("com.example", "com.example.shared:*")

    def build(self, settings: MavenSettings) -> MavenFormat:
        return MavenFormat(settings)

    def check_base(self, path: str) -> None:
        """Any will do."""

    def path_of(self, package: str) -> str:
        group, _, artifact = package.partition(":")
        folder = f"{group.replace('.', '/')}/{artifact}" if artifact else group.replace(".", "/")
        return f"{folder}/{names.METADATA}"

    def pattern(self, text: str) -> str:
        """A glob without a colon is one on groupIds: it means all that is in them.

        >>> [MavenFactory().pattern(text) for text in ("com.example", "com.example.*", "com.example:lib")]
        ['com.example:*', 'com.example.*', 'com.example:lib']
        """
        return text if ":" in text or text.endswith("*") else f"{text}:*"

    def upstream_url(self, url: str) -> str:
        return url

    def settled(self, settings: MavenSettings, upstream: UpstreamSettings) -> MavenSettings:
        return settings

    def namespaces(self, settings: MavenSettings) -> Sequence[str]:
        return ()

    def upstreams(self, settings: MavenSettings) -> Mapping[str, str]:
        return {}

    def combined(
        self, settings: MavenSettings, members: Sequence[MavenSettings], taker: MavenSettings | None
    ) -> MavenSettings:
        """A group takes what the member takes to which it passes it on, and keeps as that does; what it gives out may
        change when it may in any member."""
        redeploy = "allow" if any(member.redeploy == "allow" for member in members) else "deny"
        return replace(taker or settings, checksum_policy=settings.checksum_policy, redeploy=redeploy)

    def tool(self, word: str, upstream: UpstreamSettings, settings: MavenSettings) -> Tool:
        raise Unsupported(f"No program stands in for an upstream of Maven, not even {word!r}.")

    def client_lines(self, base_url: str, kind: Kind) -> Sequence[str]:
        """Of Maven's settings.xml; of a POM for what has nothing but what was published to it."""
        if kind == "hosted":
            return [
                "<repositories><repository>",
                "  <id>mxart</id>",
                f"  <url>{base_url}</url>",
                "</repository></repositories>",
            ]
        return [
            "<mirrors><mirror>",
            "  <id>mxart</id>",
            "  <mirrorOf>*</mirrorOf>",
            f"  <url>{base_url}</url>",
            "</mirror></mirrors>",
        ]

    def publish_lines(self, base_url: str) -> Sequence[str]:
        return [
            f"mvn deploy -DaltDeploymentRepository=mxart::default::{base_url}",
            f"mxart import maven DIR --to {base_url}",
        ]

    def discover(self, run: discover.Run, environ: Mapping[str, str]) -> Sequence[Proposal]:
        return discover.discover(run, environ)
