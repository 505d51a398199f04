"""Settings become a site: the only folder that names concrete classes.

`prepare` runs once in a process of its own before any worker; `Site` is built in each worker, after the fork. What the
command line does with a store besides is here, too.
"""

from mxart.assembly.site import Site, serve
from mxart.assembly.stores import home, open_store, prepare
from mxart.assembly.sweeping import old_absences, outdated, unused

__all__ = ["Site", "home", "old_absences", "open_store", "outdated", "prepare", "serve", "unused"]
