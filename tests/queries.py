"""Commands that FiftyOne and the plugin send to MongoDB, watched for long lists of ids.

Importing it registers the listener, which has to be before FiftyOne makes its client.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from pymongo import monitoring

_watchers: list["Watched"] = []


@dataclass
class Watched:
    """The longest list of ids that was sent while this watched.

    Args:
        most: its length
        command: the name of the command that had it
        commands: how many commands were sent
    """

    most: int = 0
    command: str = ""
    commands: int = 0


class _Listener(monitoring.CommandListener):
    def started(self, event):
        for watched in _watchers:
            watched.commands += 1
            most = longest_ids(event.command)
            if most > watched.most:
                watched.most, watched.command = most, f"{event.command_name}: {str(event.command)[:2000]}"

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


monitoring.register(_Listener())


@contextmanager
def watched():
    """Watches all commands of this process."""
    watching = Watched()
    _watchers.append(watching)
    try:
        yield watching
    finally:
        _watchers.remove(watching)


def longest_ids(value: Any) -> int:
    """The length of the longest list of ids in a command, as ObjectIds or as text."""
    if isinstance(value, dict):
        return max((longest_ids(part) for part in value.values()), default=0)
    if isinstance(value, list | tuple):
        return max(sum(map(_is_id, value)), *(longest_ids(part) for part in value), 0)
    return 0


def _is_id(value: Any) -> bool:
    return isinstance(value, ObjectId) or (isinstance(value, str) and len(value) == 24 and ObjectId.is_valid(value))
