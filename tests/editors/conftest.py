"""The generators of specs serve here too."""

from __future__ import annotations

import sys
from pathlib import Path

for _folder in ("syntax", "generated"):
    sys.path.append(str(Path(__file__).resolve().parents[1] / _folder))
