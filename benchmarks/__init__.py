"""Benchmarks: what users run, beside a yardstick on the same machine in the same run. ``./run bench [NAME…]``."""
