"""Start of a worker process: a script, as FiftyOne gives the plugin its name only once it has loaded it.

What it works at and the whole environment, secrets included, come through its standard input: other users of the
machine can read the arguments of a process, and its first environment.
"""

import importlib
import json
import os
import sys

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]  # its modules would hide others
    told = json.load(sys.stdin)
    os.environ.update(told["environment"])
    import fiftyone.operators as foo

    foo.get_operator(told["operator"])  # loads the plugin
    importlib.import_module(told["module"]).work_at(told["job"], told["operator"], told["request"])
