"""The generated trees of tests/syntax are formatted, too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "syntax"))
