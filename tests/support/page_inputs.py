"""What tests of pages share."""

from __future__ import annotations

METRES_TO = {"mm": 1e3, "cm": 1e2}
EVIL = "<img src=x onerror=alert(1)> </script><script>alert(2)</script> \"'&"
