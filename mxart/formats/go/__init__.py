"""Go modules: all that mxart knows of the go command's way to fetch them, and of publishing what it fetches.

Specifications, in reading order: the Go Modules Reference ("GOPROXY protocol", "Module paths", "Versions", "Module zip
files", "Checksum database"); design document 25530 (the checksum database and proxying it).

``M`` is an escaped module path, ``V`` an escaped version, ``DB`` the name of a configured checksum database.

==================================  =============================  ==========================
path below the repository           answer                         kept
==================================  =============================  ==========================
``M/@v/list``                       versions, one a line           for ``ttl``
``M/@latest``                       JSON: version and time         for ``ttl``
``M/@v/V.info``                     JSON: version and time         for ever; a branch: ``ttl``
``M/@v/V.mod``                      go.mod                         for ever
``M/@v/V.zip``                      module zip                     for ever
``sumdb/DB/supported``              empty                          answered here
``sumdb/DB/latest``                 signed tree head               for ``ttl``
``sumdb/DB/lookup/M@V``             record and signed tree head    for ever
``sumdb/DB/tile/H/L/K[.p/W]``       hashes of the log              for ever
``sumdb/DB/tile/H/data/K[.p/W]``    records of the log             for ever
==================================  =============================  ==========================

Where something can be published, the files of a version take other methods, too:

==================================  ===================================================================================
``PUT M/@v/V.zip[?time=RFC3339]``   the version is published, with the .mod and .info that follow from its zip; answers
                                    with its lines of go.sum: 201, 200 when it was there already
``PUT M/@v/V.info``, ``….mod``      before the zip: kept until it comes (202); after it: must agree (200)
``DELETE M/@v/V.zip`` or another    the whole version is deleted (200), and can be published again only as it was
==================================  ===================================================================================

Files: ``names.py`` the grammar of paths and versions, ``paths.py`` URLs, ``documents.py`` the text answers,
``wire.py`` errors and media types, ``settings.py`` configuration, ``discover.py`` what this machine uses today,
``format.py`` all of it as `mxart.contract.Format`, ``factory.py`` what is registered.

- Zips: ``modzip.py`` their rules, over `mxart.archive`, zips in general; ``gomod.py`` go.mod files, ``sums.py`` go.sum.
- Publishing: ``publish.py`` uploads and deletions, ``contents.py`` what follows from a zip.
- Made here, for the command line: ``pack.py`` the zip, ``sources.py`` which files go in, ``tags.py`` which version.
- Checksum databases: ``sumdb.py`` what they say, ``tiles.py`` their partial tiles.
- Version control: ``vcs.py`` the go command in place of an upstream, ``verdicts.py`` what its complaints mean.
"""

from __future__ import annotations

from mxart.formats.go.factory import GoFactory

FORMAT = GoFactory()
