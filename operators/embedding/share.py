"""Shares of the images for several processes: each takes those whose ids fall to it, whatever the others do."""

import re
import zlib
from dataclasses import replace
from typing import NamedTuple

from ..dataset.rows import Rows

MOST = 10_000
_SPEC = re.compile(r"(\d+)/(\d+)")


class Share(NamedTuple):
    """One of several shares.

    Args:
        number: from 1 to ``total``
        total: how many there are
    """

    number: int
    total: int

    @classmethod
    def of(cls, text: str) -> "Share":
        """Read a share as ``"2/8"``.

        Raises:
            ValueError: if it is none
        """
        found = _SPEC.fullmatch(text.strip()) if isinstance(text, str) else None
        share = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= share.number <= share.total <= MOST:
            raise ValueError(f"shard={text!r} is not valid; use '1/8' to '8/8' for eight processes, at most {MOST:,}")
        return share

    def rows(self, rows: Rows) -> Rows:
        """Return the rows of this share, all labels of a sample together, so that its file is read by one process."""
        kept = [
            (row_id, sample_id)
            for row_id, sample_id in zip(rows.ids, rows.sample_ids, strict=True)
            if zlib.crc32(sample_id.encode()) % self.total == self.number - 1
        ]
        return replace(rows, ids=[row_id for row_id, _ in kept], sample_ids=[sample_id for _, sample_id in kept])

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"
