"""Copying a tree of files into a repository of a server: what ``mxart import`` is made of.

``trees.py`` is what a tree is, and why something of it is left out; ``localtree.py`` one in a folder of this machine,
``webtree.py`` one on a server that lists its folders on pages (``indexpages.py``). ``selection.py`` says what of it is
sent, ``mavenserver.py`` who takes it, ``sending.py`` sends it, and ``tally.py`` tells what became of each file.
"""
