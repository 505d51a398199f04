"""The server's own answers below ``/-/``: functions from `Request` to `Response`, one file a resource.

What they act on is handed to them when the site is built; none knows a store, a repository or the server.
``routes`` leads to them, ``wire`` has their one envelope.
"""
