"""What PyTorch and Keras call the arguments of layers."""

from __future__ import annotations

SYNONYMS: dict[str, tuple[str, ...]] = {
    "kernel_size": ("kernel",),
    "ksize": ("kernel",),
    "pool_size": ("kernel",),
    "window": ("kernel",),
    "strides": ("stride",),
    "padding": ("pad",),
    "padding_mode": ("pad_mode",),
    "padding_idx": ("padding",),
    "output_padding": ("output_pad",),
    "dilation_rate": ("dilation",),
    "out_channels": ("channels",),
    "filters": ("channels",),
    "out_features": ("features",),
    "units": ("features", "hidden"),
    "embedding_dim": ("features",),
    "num_embeddings": ("count",),
    "hidden_size": ("hidden",),
    "num_layers": ("layers",),
    "num_heads": ("heads",),
    "num_groups": ("groups",),
    "num_classes": ("classes",),
    "use_bias": ("bias",),
    "negative_slope": ("slope",),
    "alpha": ("slope",),
    "rate": ("p",),
    "prob": ("p",),
    "drop_prob": ("p",),
    "epsilon": ("eps",),
    "elementwise_affine": ("affine",),
    "track_running_stats": ("track",),
    "ceil_mode": ("ceil",),
    "return_indices": ("indices",),
    "output_size": ("size",),
    "scale_factor": ("scale",),
    "upscale_factor": ("factor",),
    "downscale_factor": ("factor",),
    "dim": ("axis", "axes"),
    "dims": ("axes", "axis"),
    "keepdim": ("keep",),
    "keepdims": ("keep",),
    "start_dim": ("start",),
    "end_dim": ("end",),
    "unbiased": ("correction",),
    "initializer": ("init",),
    "kernel_initializer": ("init",),
    "weight_init": ("init",),
    "bias_initializer": ("bias_init",),
}
"""What PyTorch and Keras call an argument, and the names that it may have here."""

BATCHED = frozenset({"dim", "dims", "start_dim", "end_dim"})
"""Those of them that number the axes from the batch on."""

DERIVED: dict[str, str] = {
    **dict.fromkeys(
        ("in_channels", "in_features", "num_features", "num_channels", "input_size", "normalized_shape", "input_dim"),
        "is derived from the value that enters",
    ),
    **dict.fromkeys(
        ("embed_dim", "key_dim", "kdim", "vdim"),
        "is derived from the value that enters",
    ),
    "input_shape": "is what the net's input declares",
    "inplace": "is decided by the compiler, where nothing else needs the value",
    "batch_first": "has no place: the batch is implied",
}
"""Arguments of PyTorch and Keras that nobody has to give here, and why."""
