"""Runs first in each Python that the client tests start, those that a script starts included: half of what they do is to import, where the
collector looks hundreds of times at what stays."""

import gc

gc.set_threshold(100_000)
