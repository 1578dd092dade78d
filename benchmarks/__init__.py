"""Benchmarks: what users run, beside a yardstick on the same machine in the same run. ``./run bench [NAME…]``."""

import atexit
import os
import shutil
import tempfile

# Before anything of the application is imported: keys and files of the town that is measured, never those of a scheme.
# The server that is measured is a child of ours and inherits them.
if "POINTS_BENCH" not in os.environ:
    os.environ["POINTS_BENCH"] = os.environ["POINTS_INSTANCE"] = tempfile.mkdtemp(prefix="points-bench-")
    atexit.register(shutil.rmtree, os.environ["POINTS_BENCH"], ignore_errors=True)
