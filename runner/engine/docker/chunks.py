"""The chunked coding of HTTP/1.1."""

from __future__ import annotations


class Chunks:
    """Takes the chunked coding (RFC 9112, section 7.1) off a body that comes in pieces of any size."""

    def __init__(self) -> None:
        self.is_over = False
        self._rest = b""

    def take(self, received: bytes) -> bytes:
        """The content of the chunks that are complete by now. Raises ValueError for what is no chunk."""
        data = self._rest + received
        found: list[bytes] = []
        place = 0
        while (line := data.find(b"\r\n", place)) >= 0:
            head = data[place:line]
            size = int(head.partition(b";")[0] if b";" in head else head, 16)
            if not size:
                self.is_over = True
                break
            end = line + 2 + size
            if end + 2 > len(data):
                break
            found.append(data[line + 2 : end])
            place = end + 2
        self._rest = data[place:]
        return b"".join(found)
