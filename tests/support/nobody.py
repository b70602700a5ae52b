"""Commands as a user who may not do everything: root would not notice a folder that is read-only."""

from __future__ import annotations

import os

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if os.getuid() == 0 else ()
"""To put before a command line."""
