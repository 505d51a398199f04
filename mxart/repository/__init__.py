"""Repositories, the same for every ecosystem: stacks of layers with the one interface `contract.Repository`.

``proxy.py`` keeps what it fetches, by the rules of ``freshness.py``; ``single_flight.py`` sees to it that one artifact
is one download over all workers, ``transfer.py`` is the work of whoever leads it, ``growing.py`` what its readers see.
``hosted.py`` keeps what is published, by way of ``uploads.py``. ``group.py`` makes one repository of several:
``members.py`` asks them, ``units.py`` remembers which of them has what belongs together, ``merging.py`` makes one index
of theirs. ``derived.py`` keeps the documents that are made from others, ``held.py`` reads out of the store what a
repository holds. ``rules.py`` and ``selective.py`` wrap any repository with what may be asked of it, as ``layer.py``
lets them: they say only what they change.
"""
