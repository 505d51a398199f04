"""Repositories, the same for every ecosystem: stacks of layers with the one interface `contract.Repository`.

``proxy.py`` keeps what it fetches, by the rules of ``freshness.py``; ``single_flight.py`` sees to it that one artifact
is one download over all workers, ``transfer.py`` is the work of whoever leads it, ``growing.py`` what its readers see.
``hosted.py`` keeps what is published, by way of ``uploads.py``; ``group.py`` makes one repository of several members.
``derived.py`` has the documents that both make from what they hold, ``held.py`` reads that out of the store.
``rules.py`` wraps any repository with what may be asked of it.
"""
