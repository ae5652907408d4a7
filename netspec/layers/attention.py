"""Attention over sequences."""

from math import prod
from typing import Any, ClassVar, Literal

from pydantic import Field

from netspec.layers.declaration.arguments import options
from netspec.layers.declaration.axes import agreed, differ, equal, fixed
from netspec.layers.declaration.base import (
    EVERYTHING,
    Bool,
    FigureWeight,
    Layer,
    Positive,
    Probability,
    Reach,
    ShapeError,
    Support,
    TorchCall,
    layer,
)
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

ATTENTION = Support(
    "Attention",
    '''\
class Attention(nn.MultiheadAttention):
    """Multi-head attention on (N, ..., L, E) that returns its output alone;
    self-attention of a query alone.

    A mask (N, S) says which keys to leave out, (N, L, S) which of them for which
    query, (N, heads, L, S) in which head: true, or what is added to the scores.
    """

    def __init__(
        self,
        features: int,
        heads: int,
        causal: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(features, heads, batch_first=True, **options)
        self.causal = causal

    def forward(  # type: ignore[override]
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        batch = query.shape[:-2]
        query = query.flatten(0, -3)
        key = query if key is None else key.flatten(0, -3)
        value = key if value is None else value.flatten(0, -3)
        keys_left_out = left_out = None
        if mask is not None:
            mask = mask.repeat_interleave(len(query) // len(mask), 0)
            if mask.dim() == 2:
                keys_left_out = mask
            elif mask.dim() == 4:
                left_out = mask.flatten(0, 1)
            else:
                left_out = mask.repeat_interleave(self.num_heads, 0)
        if self.causal:
            ones = query.new_ones(query.shape[1], key.shape[1], dtype=torch.bool)
            left_out = ones.triu(1)
        out, _ = super().forward(
            query,
            key,
            value,
            keys_left_out,
            need_weights=False,
            attn_mask=left_out,
            is_causal=self.causal,
        )
        return out.unflatten(0, batch)
''',
    imports=("from typing import Any",),
)


@layer("attention", "MultiheadAttention", "self_attention", "mha", pytorch=("", "heads", "dropout", "bias"))
class Attention(Layer):
    """Multi-head scaled dot-product attention: of a sequence to itself, or of queries to the keys of another sequence.

    Shape: query (*B, L, E), key (*B, S, K), value (*B, S, V) -> (*B, L, E). Without a key it is self-attention; without
    a value the keys are the values. A mask of truth values is true for what is left out, one of floats is added to the
    scores: [S] speaks of the keys, [L, S] of each query's keys, [heads, L, S] of these in each head: a relative bias.
    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.2.
    Example: `residual { layernorm -> attention(12) }`; `attention(decoded, encoded, heads=8)`
    """

    figure_weight: ClassVar[FigureWeight] = "heavy"
    mixes_positions: ClassVar[bool] = True
    tensors: ClassVar[tuple[str, ...]] = ("query", "key?", "value?", "mask?")
    serves_all: ClassVar[tuple[str, ...]] = ("mask?",)
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4, 5, 6)

    heads: Positive
    dropout: Probability = Field(default=0.0, description="of the attention weights, while training")
    bias: Bool = True
    causal: Bool = Field(default=False, description="a position sees itself and those before it alone")

    def infer(
        self, query: Shape, key: Shape | None = None, value: Shape | None = None, mask: Shape | None = None
    ) -> Shape:
        features, key, value = self._features(query), key or query, value or key or query
        for other, what in ((key, "keys"), (value, "values")):
            if other.rank != query.rank or other.dtype != "float":
                pattern = f"[{', '.join(map(str, (*query.dims[:-2], 'S', 'E')))}]"
                raise ShapeError(f"attention takes {what} {pattern}, but these are {other}", code="E0303")
            if any(map(differ, query.dims[:-2], other.dims[:-2])):
                raise ShapeError(f"attention takes {what} for each of {query}, but these are {other}", code="E0301")
            fixed(other.dims[-1], other, f"attention has weights for each feature of its {what}")
        if features % self.heads:
            raise ShapeError(
                f"attention divides its features among the heads, "
                f"but the {features} of {query} do not divide by {self.heads}",
                help=f"{_nearest_divisor(features, self.heads)} heads would do",
            )
        if differ(key.dims[-2], value.dims[-2]):
            raise ShapeError(
                f"attention takes a value for each key, but the keys are {key} and the values {value}", code="E0301"
            )
        if self.causal and differ(query.dims[-2], key.dims[-2]):
            raise ShapeError(
                f"causal attention takes as many keys as queries, but these are {query} and {key}", code="E0301"
            )
        if mask is not None:
            self._check_mask(query, key, mask)
        return query

    def requires(
        self, query: Shape, key: Shape | None = None, value: Shape | None = None, mask: Shape | None = None
    ) -> tuple[Requirement, ...]:
        key, value = key or query, value or key or query
        pairs = [*zip(query.dims[:-2], key.dims[:-2], strict=True), *zip(query.dims[:-2], value.dims[:-2], strict=True)]
        pairs.append((key.dims[-2], value.dims[-2]))
        if self.causal:
            pairs.append((query.dims[-2], key.dims[-2]))
        if mask is not None:
            pairs += zip(mask.dims, self._mask_dims(query, key)[-mask.rank :], strict=True)
        needs = [need for pair in pairs for need in equal(*pair)]
        return tuple(dict.fromkeys(needs))

    def parameters(
        self, query: Shape, key: Shape | None = None, value: Shape | None = None, mask: Shape | None = None
    ) -> dict[str, tuple[int, ...]]:
        features, keys, values = self._widths(query, key, value)
        weights: dict[str, tuple[int, ...]]
        if keys == values == features:
            weights = {"in_proj_weight": (3 * features, features)}
        else:
            weights = {
                "q_proj_weight": (features, features),
                "k_proj_weight": (features, keys),
                "v_proj_weight": (features, values),
            }
        if not self.bias:
            return weights | {"out_proj.weight": (features, features)}
        return weights | {
            "in_proj_bias": (3 * features,),
            "out_proj.weight": (features, features),
            "out_proj.bias": (features,),
        }

    def macs(
        self, query: Shape, key: Shape | None = None, value: Shape | None = None, mask: Shape | None = None
    ) -> Dimension:
        """Projections of queries and outputs, of keys and values; the scores; the weighted sums."""
        features, keys, values = self._widths(query, key, value)
        length = query.dims[-2]
        others = length if key is None else agreed((key.dims[-2], (value or key).dims[-2]))
        leading = prod(query.dims[:-2])
        return leading * (
            2 * features * features * length + features * (keys + values) * others + 2 * features * length * others
        )

    def reach(
        self, query: Shape, key: Shape | None = None, value: Shape | None = None, mask: Shape | None = None
    ) -> Reach | Literal["everything"] | None:
        return EVERYTHING

    def torch(
        self, query: Shape, key: Shape | None = None, value: Shape | None = None, mask: Shape | None = None
    ) -> TorchCall:
        features, keys, values = self._widths(query, key, value)
        kwargs: dict[str, Any] = options(
            causal=(self.causal, False),
            dropout=(self.dropout, 0),
            bias=(self.bias, True),
            kdim=(keys, features),
            vdim=(values, features),
        )
        apply = "{module}({0})" if key is None else "{module}({inputs})"
        return TorchCall("Attention", (features, self.heads), kwargs, apply=apply, support=(ATTENTION,))

    def _check_mask(self, query: Shape, key: Shape, mask: Shape) -> None:
        mask_dims = self._mask_dims(query, key)
        if not 1 <= mask.rank <= 3 or any(map(differ, mask.dims, mask_dims[-mask.rank :])):
            heads, length, others = mask_dims
            raise ShapeError(
                f"the mask of this attention is [{others}], [{length}, {others}] or [{heads}, {length}, {others}], "
                f"not {mask}",
                code="E0301",
            )
        if mask.dtype == "int":
            raise ShapeError(f"a mask holds truth values or floats, but this one is {mask}", code="E0304")
        if self.causal and mask.rank > 1:
            raise ShapeError(
                "causal attention has a mask of its own",
                help="leave out causal, or give a mask of the keys alone",
                code="E0306",
            )

    def _mask_dims(self, query: Shape, key: Shape) -> tuple[Dimension, Dimension, Dimension]:
        return self.heads, query.dims[-2], key.dims[-2]

    def _features(self, query: Shape) -> int:
        return fixed(query.dims[-1], query, "attention has weights for each feature of its queries")

    def _widths(self, query: Shape, key: Shape | None, value: Shape | None) -> tuple[int, int, int]:
        """The features of queries, keys and values."""
        key, value = key or query, value or key or query
        keys = fixed(key.dims[-1], key, "attention has weights for each feature of its keys")
        values = fixed(value.dims[-1], value, "attention has weights for each feature of its values")
        return self._features(query), keys, values


def _nearest_divisor(number: int, target: int) -> int:
    return min((n for n in range(1, min(number, 4096) + 1) if number % n == 0), key=lambda n: abs(n - target))
