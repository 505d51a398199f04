"""Who asks, and may they: credentials to a `Principal`, and a principal's grants to yes or no.

``identify`` is what the server holds on to (`Access`); ``passwords`` makes and checks password hashes, ``tokens`` what
speaks for an account for some minutes; ``grants`` is the pure rule; ``bootstrap`` makes what a first start needs.
"""
