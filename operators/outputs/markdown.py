"""Untrusted text as Markdown that shows it as the text it is."""

import re


def as_markdown(text: str) -> str:
    """A name, or a sentence with names in it, as Markdown that shows it as the text it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-!|~$" else c for c in text)


def plain(name: str) -> str:
    """A name as text in Markdown, where clusters may be called ``*`` or ``<b>``."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()<>#+-!|~&" else c for c in " ".join(name.split()))


def markdown_text(text: str) -> str:
    """A name as Markdown that shows it as it is."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]()<>#+-.!|~&" else char for char in text)


def markdown(text: str) -> str:
    """A stranger's text as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$&:@])", r"\\\1", text)
