"""Go modules: all that mxart knows of the go command's way to fetch them.

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

The three files of a version also take PUT and DELETE, where something can be published: see ``publish.py``.

Files: ``names.py`` the grammar of paths and versions, ``paths.py`` URLs, ``documents.py`` the text answers,
``modzip.py`` the rules of module zips, over ``archive.py``, zips in general; ``gomod.py`` the module directive,
``sums.py`` go.sum, ``contents.py`` what follows from a zip, ``publish.py`` uploads and deletions; ``sumdb.py`` the
checksum database, ``tiles.py`` its partial tiles; ``vcs.py`` the go command in place of an upstream; ``pack.py`` and
what it imports: zips made here; ``wire.py`` errors and media types, ``settings.py`` configuration, ``discover.py`` what
this machine uses today, ``format.py`` all of it as `mxart.contract.Format`.
"""

from __future__ import annotations

from mxart.formats.go.format import GoFactory

FORMAT = GoFactory()
