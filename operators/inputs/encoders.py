"""Form input for the path of an encoder archive."""


def archive_path(ctx) -> str | None:
    """The path of the chosen archive, None if there is none yet."""
    return ctx.params.get("path") or (ctx.params.get("file") or {}).get("absolute_path")
