"""Container images and other artifacts: all that mxart knows of registries as docker, podman and containerd use them.

Specifications, in reading order: OCI Distribution Specification 1.1; OCI Image Specification 1.1 ("Image Manifest",
"Image Index", "Descriptors"); Docker's "Image Manifest Version 2, Schema 2"; Docker's "Token Authentication
Specification"; containerd's ``docs/hosts.md`` (``?ns=``).

``N`` is the name of an image, ``R`` a tag or a digest, ``D`` a digest. All of it lies below ``/v2/REPOSITORY/``, or
below ``/v2/`` of a host name that leads to the repository. ``/v2/`` itself is answered by the server, and so are
tokens.

==============================  ==================================================  =============================
path below the repository       answer                                              kept
==============================  ==================================================  =============================
``N/manifests/R``               a manifest or an index, byte for byte as it came    by digest for ever; a tag: ``ttl``
``N/blobs/D``                   a layer or a configuration                          for ever
``N/tags/list``                 JSON: the tags                                      for ``ttl``
``N/referrers/D``               an index of who refers to D                         for ``ttl``
``N/blobs/uploads/…``           blobs on their way in, see ``uploads.py``
``_catalog``                    JSON: the images of which something is held
==============================  ==================================================  =============================

Where something can be published, ``N/manifests/R`` takes PUT and DELETE, ``N/blobs/D`` takes DELETE.

Files: ``names.py`` the grammar of names, tags and digests, ``paths.py`` URLs and places in the index, ``documents.py``
manifests and lists, ``wire.py`` errors and header fields, ``settings.py`` configuration, ``discover.py`` what this
machine uses today, ``format.py`` all of it as `mxart.contract.Format`, ``factory.py`` what is registered.

- Reading lists: ``listing.py`` tags, images, and referrers, pages and all.
- Pushing: ``uploads.py`` blobs, ``publish.py`` manifests and deletions, ``unused.py`` what ``gc`` may take away.
"""

from __future__ import annotations

from mxart.formats.docker.factory import DockerFactory

FORMAT = DockerFactory()
