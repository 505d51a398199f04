"""Maven repositories: all that mxart knows of the layout that Maven, Gradle, sbt and Ivy share.

Specifications, in reading order: "Maven Repository Layout"; "Repository Metadata" (maven-repository-metadata);
maven-resolver (checksums, transports, deployment); Gradle, "Declaring repositories" and "Gradle Module Metadata".

``G`` is a groupId with slashes for its dots, ``A`` an artifactId, ``V`` a version, ``T-N`` the build of a snapshot.

=========================================  ===============================  =========================================
path below the repository                  answer                           kept
=========================================  ===============================  =========================================
``G/A/V/A-V[-CLASSIFIER].EXTENSION``       a file of a release              for ever
``G/A/S-SNAPSHOT/A-S-T-N….EXTENSION``      a file of a snapshot's build     for ever
``G/A/S-SNAPSHOT/A-S-SNAPSHOT….EXT``       a file of a snapshot             for ``ttl``
``G/A/S-SNAPSHOT/maven-metadata.xml``      the builds of a snapshot         for ``ttl``; hosted: made, group: merged
``G/A/maven-metadata.xml``                 the versions of an artifact,     the same
                                           the plugins of a group
``….md5``, ``.sha1``, ``.sha256``,         the checksum of what is before   follows from that where it is held; else as
``.sha512``                                the last dot                     long as that
whatever else                              a file                           for ``ttl``; proxies only
``G/``, ``G/A/``, ``G/A/V/``, …            a page for people                answered here
=========================================  ===============================  =========================================

Where something can be published, files of versions take PUT and POST; so do metadata and checksums, which are compared
and not kept. DELETE takes away a file, a version (``G/A/V/``) or an artifact (``G/A/``).

Files: ``names.py`` the grammar of names, ``versions.py`` their order, ``paths.py`` URLs and places in the index,
``documents.py`` metadata, ``wire.py`` errors and header fields, ``settings.py`` configuration, ``discover.py`` what
this machine uses today, ``format.py`` all of it as `mxart.contract.Format`, ``factory.py`` what is registered.

- Reading: ``safexml.py`` XML that anybody may have made up, ``pom.py`` POMs, ``plugins.py`` jars of Maven plugins,
  ``checksums.py`` checksum files and fields, ``given.py`` which document a checksum is asked of, ``pages.py`` the
  pages of folders.
- Deploying: ``publish.py`` uploads and deletions, ``holdings.py`` what metadata follows from them.
- For the command line: ``trees.py`` what of a tree is sent to another repository.
"""

from __future__ import annotations

from mxart.formats.maven.factory import MavenFactory

FORMAT = MavenFactory()
