"""Settings become a site: the only folder that names concrete classes.

`prepare` runs once in a process of its own before any worker; `Site` is built in each worker, after the fork.
"""

from mxart.assembly.site import Site, serve
from mxart.assembly.stores import home, open_store, prepare

__all__ = ["Site", "home", "open_store", "prepare", "serve"]
