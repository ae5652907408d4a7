"""What a training ran on: the machine and the versions of what it was made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from netspec import __version__

PACKAGES = ("torch", "accelerate", "torchmetrics", "kornia", "numpy", "safetensors")


def machine() -> dict[str, str]:
    """Machine, processor, GPUs, Python and packages, as texts by what they are."""
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    facts = {
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "processor": _processor(),
        "GPU": ", ".join(f"{gpus.count(name)} x {name}" for name in dict.fromkeys(gpus)),
        "CUDA": str(torch.version.cuda or "") if gpus else "",
        "Python": platform.python_version(),
        "netspec": __version__,
        **{name: _version(name) for name in PACKAGES},
    }
    return {name: text for name, text in facts.items() if text}


def _processor() -> str:
    """The processor's name, as Linux tells it, or as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
