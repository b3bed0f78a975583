"""The beginning of a file that is being downloaded, as it lies on disk between attempts."""

from __future__ import annotations

import os
from pathlib import Path


class PartFile:
    """``<target>.part``, and beside it a note on what it is the beginning of."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self.has_old_bytes = self.path.exists()
        """Whether some of it was there before this object was."""
        self._target = target
        # Its address, a line break, and what tells its version there from others.
        self._note = target.with_name(f"{target.name}.part.from")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def validator(self, url: str) -> str | None:
        """The ETag or date of the version that was begun, if it came from this address."""
        if not self._note.exists():
            return None
        address, _, validator = self._note.read_text(errors="replace").partition("\n")
        return validator or None if address == url else None

    def begin(self, url: str, validator: str | None) -> None:
        """Start anew."""
        self.discard()
        self._note.write_text(f"{url}\n{validator or ''}")

    def discard(self) -> None:
        """Forget all of it."""
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self.has_old_bytes = False

    def finish(self) -> None:
        """Give the file its name."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(self._target)
        self._note.unlink(missing_ok=True)
