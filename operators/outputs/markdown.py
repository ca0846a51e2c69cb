"""Untrusted text as Markdown that shows it as the text it is."""

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&:@])")


def escape(text: str) -> str:
    """Escape every character that Markdown, tables, HTML, formulas or automatic links give a meaning.

    Args:
        text: a name of a cluster, class or model, or a sentence with such names in it; its author may be anyone

    Returns:
        one line of Markdown that is shown as ``text``, white space as single spaces
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
