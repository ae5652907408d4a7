"""The strategies of the layers' tests, and the reference of the emitter's, serve here too."""

from __future__ import annotations

import sys
from pathlib import Path

for _folder in ("codegen", "layers"):
    sys.path.append(str(Path(__file__).resolve().parents[1] / _folder))
