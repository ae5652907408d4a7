"""What people write in a train section who come from PyTorch or Keras, and the same in the words of a spec."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from netspec.spelling import nearest, synonym
from netspec.syntax import tree
from netspec.syntax.source import Span
from netspec.train.parts import Table

Mend = tuple[str, tuple[Span, str] | None]
"""A help line, and what to put where."""

_KEYS: dict[str, tuple[str, ...]] = {
    "data": ("dataset", "train_data"),
    "augment": ("transform", "transforms", "augmentation"),
    "loss": ("criterion", "loss_fn", "objective"),
    "optimizer": ("optim", "optimiser"),
    "schedule": ("scheduler", "lr_scheduler"),
    "epochs": ("num_epochs", "max_epochs", "epoch"),
    "batch": ("batch_size", "bs"),
    "metrics": ("metric",),
    "seed": ("random_seed", "random_state"),
    "clip": ("grad_clip", "clip_grad_norm", "max_grad_norm"),
    "keep": ("save", "checkpoint", "model_checkpoint"),
    "accumulate": ("accumulation_steps", "gradient_accumulation"),
}
"""What a setting is called elsewhere."""
_OPTIMIZER = {"lr": "adam(lr={})", "learning_rate": "adam(lr={})", "weight_decay": "adamw(weight_decay={})"}
_OPTIMIZER |= {"momentum": "sgd(lr=0.01, momentum={})"}
"""What is an argument of the optimizer."""
_STOP = ("early_stopping", "patience", "earlystopping")
_OPTIONS = {
    "device": "--device",
    "devices": "--devices",
    "gpus": "--devices",
    "precision": "--precision",
    "num_workers": "--workers",
    "workers": "--workers",
    "out": "--out",
    "resume": "--resume",
}
"""What depends on the machine, and is an option of `netspec train`."""


def unknown_key(key: str, setting: tree.Setting, word: Span, keys: Collection[str]) -> Mend:
    """The help and the mend for a setting that there is not."""
    value = setting.value.span.text
    if key in _OPTIONS:
        help = f"the machine is chosen when it trains: netspec train FILE {_OPTIONS[key]} {value}"
        return help, (setting.span, "")
    if key in _OPTIMIZER:
        text = f"optimizer {_OPTIMIZER[key].format(value)}"
        return f"it is an argument of the optimizer: {text}", (setting.span, text)
    if key in _STOP:
        text = f"stop patience({value})"
        return f"it is written {text}", (setting.span, text)
    near = synonym(key, {candidate: _KEYS.get(candidate, ()) for candidate in keys}) or nearest(key, keys)
    return (f"did you mean {near}?", (word, near)) if near else ("", None)


def unknown_part(expression: tree.Expr, table: Table[Any]) -> Mend:
    """The help and the mend for what names no part in the language's way: `nn.CrossEntropyLoss()`, `CIFAR-10`, 5."""
    for part in ("patience", "every"):
        if isinstance(expression, tree.Number) and part in table:
            text = f"{part}({expression.span.text})"
            return f"write {text}", (expression.span, text)
    arguments = expression.arguments if isinstance(expression, tree.Call) else ()
    name = expression.callee.span if isinstance(expression, tree.Call) else expression.span
    near = table.synonym(name.text)
    if near is None:
        return "", None
    text = near if arguments else table.example(near, name.text)
    return f"it is {text} here", (name if arguments else expression.span, text)
