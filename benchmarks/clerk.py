"""A clerk in a process of its own: serves one resident after another, and tells when each began and how long it took.

python -m benchmarks.clerk TOWN INDEX COUNT: the pickled town; which of how many clerks.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

from points import create_app

from .clients import times_until_told
from .redeem import one_redemption

if __name__ == "__main__":
    town = pickle.loads(Path(sys.argv[1]).read_bytes())
    with create_app().app_context():
        print(json.dumps(times_until_told(one_redemption(town, int(sys.argv[2]), int(sys.argv[3])))), flush=True)
