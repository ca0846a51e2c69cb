"""Form input for the path of an encoder archive."""

import fiftyone.operators as foo


def archive_path(ctx: foo.ExecutionContext) -> str | None:
    """Return the path of the chosen archive, None if there is none yet."""
    return ctx.params.get("path") or (ctx.params.get("file") or {}).get("absolute_path")
