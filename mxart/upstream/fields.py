"""The head of an answer, line by line as libcurl passes it on."""

from __future__ import annotations

MAX_HEAD_SIZE = 128 * 1024  # bytes of header fields


class Fields:
    """Header lines as libcurl passes them on, each head that begins replacing the one before."""

    __slots__ = ("_lines", "complete", "refused", "size", "status")

    def __init__(self) -> None:
        self.complete = False  # the final head is whole; what comes now are trailers
        self.refused = ""  # why it cannot be used
        self.size = 0
        self.status = 0
        self._lines: list[tuple[str, str]] = []

    def add(self, line: bytes) -> bool:
        """Note a line; False when the head is to be refused."""
        if self.complete:
            return True
        self.size += len(line)
        if self.size > MAX_HEAD_SIZE:
            self.refused = f"it has more than {MAX_HEAD_SIZE} bytes"
            return False
        text = line.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/"):
            return self._begin(text)
        if not text:
            self.complete = self.status >= 200
        else:
            name, _, value = text.partition(":")
            self._lines.append((name.strip().lower(), value.strip()))
        return True

    def _begin(self, text: str) -> bool:
        words = text.split(maxsplit=2)
        if len(words) < 2 or len(words[1]) != 3 or not (words[1].isascii() and words[1].isdigit()):
            self.refused = "its status line is malformed"
            return False
        self.status = int(words[1])
        self._lines.clear()
        return True

    def joined(self) -> dict[str, str]:
        """Names to values (RFC 9110 §5.3)."""
        fields: dict[str, str] = {}
        for name, value in self._lines:
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        return fields
