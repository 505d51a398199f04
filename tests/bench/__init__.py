"""How fast mxart is, beside nginx on the same machine in the same run; figures are ratios, never verdicts.

``tox -e bench`` (``--quick`` for a look in a minute). Needs Debian's nginx and wrk. Everything goes over loopback and
stops by itself.
"""
