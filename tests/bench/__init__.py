"""How fast mxart is, beside nginx and docker-registry on the same machine in the same run; figures are ratios, never
verdicts.

``tox -e bench`` (``--quick`` for a look in a minute). Needs Debian's nginx, wrk and docker-registry. Everything goes
over loopback and stops by itself.
"""
