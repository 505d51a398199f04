"""Who asks, and may they: credentials to a `Principal`, and a principal's grants to yes or no.

``identify`` is what the server holds on to (`Access`); ``passwords`` makes and checks password hashes; ``grants`` is
the pure rule; ``bootstrap`` makes the account that a first start needs.
"""
