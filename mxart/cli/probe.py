"""Prints the status of the answer to a GET: ``python probe.py URL``; nothing when there is none.

A program of its own, so that whoever needs the answer can stop waiting for it at any moment, also while a name is
being resolved, and keeps no thread and no connection of it. Standard library only.
"""

from __future__ import annotations

import http.client
import sys
import urllib.error
import urllib.request


def status(url: str) -> int:
    """The HTTP status with which ``url`` answers, redirects followed; 0 when nobody answers. Reads no body."""
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError, http.client.HTTPException):
        return 0


if __name__ == "__main__":
    print(status(sys.argv[1]) or "")
