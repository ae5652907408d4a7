"""The documentation as a site: it is built, every link leads somewhere, and specs are in colour."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_site_is_built_and_every_link_leads_somewhere(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    page = (tmp_path / "language.html").read_text(encoding="utf-8")
    assert '<span class="k">residual</span>' in page
    assert not list(tmp_path.glob("*.py"))
