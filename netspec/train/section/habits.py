"""What people write in a train section who come from PyTorch or Keras, and the same in the words of a spec."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
_NEEDLESS = {"shuffle": "the samples of each epoch come in an order of their own"}
"""What is always so, and why."""
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


def unknown_key(
    key: str, setting: tree.Setting, word: Span, keys: Collection[str], others: Mapping[str, tree.Setting]
) -> Mend:
    """The help and the mend for a setting that there is not; `others` are those beside it."""
    value = setting.value.span.text
    if key in _OPTIONS:
        help = f"the machine is chosen when it trains: netspec train FILE {_OPTIONS[key]} {value}"
        return help, (setting.span, "")
    if key in _NEEDLESS:
        return f"leave it out: {_NEEDLESS[key]}", (setting.span, "")
    if key in _OPTIMIZER and "optimizer" in others:
        return _of_optimizer("lr" if key == "learning_rate" else key, setting, others["optimizer"])
    if key in _OPTIMIZER:
        text = f"optimizer {_OPTIMIZER[key].format(value)}"
        return f"it is an argument of the optimizer: {text}", (setting.span, text)
    if key in _STOP:
        text = f"stop patience({value})"
        return f"it is written {text}", (setting.span, text)
    near = synonym(key, {candidate: _KEYS.get(candidate, ()) for candidate in keys}) or nearest(key, keys)
    return (f"did you mean {near}?", (word, near)) if near else ("", None)


def _of_optimizer(key: str, setting: tree.Setting, optimizer: tree.Setting) -> Mend:
    """`lr 0.01` beside an optimizer: it moves into its arguments."""
    value, optimizer_text = optimizer.value, optimizer.value.span.text
    call = value.elements[0] if isinstance(value, tree.Flow) else value
    arguments = call.arguments if isinstance(call, tree.Call) else ()
    if any(argument.name == key for argument in arguments):
        return f"leave it out: the optimizer has its {key}", (setting.span, "")
    argument = f"{key}={setting.value.span.text}"
    whole = f"{optimizer_text[:-1]}, {argument})" if arguments else f"{optimizer_text.removesuffix('()')}({argument})"
    help = f"it is an argument of the optimizer: optimizer {whole}"
    text = setting.span.source.text
    if optimizer.span.end <= setting.span.start:
        between = text[value.span.end : setting.span.start].rstrip().removesuffix(";")
        return help, (Span(value.span.source, value.span.start, setting.span.end), f"{whole}{between}")
    between = text[setting.span.end : value.span.start].lstrip("; \t\n")
    return help, (Span(value.span.source, setting.span.start, value.span.end), f"{between}{whole}")


def unknown_part(expression: tree.Expr, table: Table[Any]) -> Mend:
    """The help and the mend for what names no part in the language's way: `nn.CrossEntropyLoss()`, `CIFAR-10`, 5."""
    for part in ("patience", "every"):
        if isinstance(expression, tree.Number) and part in table:
            text = f"{part}({expression.span.text})"
            return f"write {text}", (expression.span, text)
    if isinstance(expression, tree.String) and (reader := _reader(expression.value, table)):
        text = f"{reader}({expression.span.text})"
        return f"write {text}", (expression.span, text)
    arguments = expression.arguments if isinstance(expression, tree.Call) else ()
    name = expression.callee.span if isinstance(expression, tree.Call) else expression.span
    near = table.synonym(name.text)
    if near is None:
        return "", None
    text = near if arguments else table.example(near, name.text)
    return f"it is {text} here", (name if arguments else expression.span, text)


def _reader(path: str, table: Table[Any]) -> str:
    """What reads a file or folder of that name; empty where the table is of no data."""
    ending = path.rpartition(".")[2].lower() if "." in path else "images"
    return ending if ending in table else ""
