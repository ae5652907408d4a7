"""Attention over sequences."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from netspec.layers.arguments import options
from netspec.layers.axes import agreed, differ, equal, fixed
from netspec.layers.base import (
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
    """Multi-head attention on (N, L, E) that returns its output alone; self-attention where only a query is given.

    A mask (N, S) says which keys to leave out, a mask (N, L, S) which keys for which query: true, or minus infinity.
    """

    def __init__(self, features: int, heads: int, causal: bool = False, **options: Any) -> None:
        super().__init__(features, heads, batch_first=True, **options)
        self.causal = causal

    def forward(
        self, query: Tensor, key: Tensor | None = None, value: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        key = query if key is None else key
        value = key if value is None else value
        keys_left_out = mask if mask is not None and mask.dim() == 2 else None
        left_out = mask.repeat_interleave(self.num_heads, 0) if mask is not None and mask.dim() == 3 else None
        if self.causal:
            left_out = torch.ones(query.shape[1], key.shape[1], dtype=torch.bool, device=query.device).triu(1)
        out, _ = super().forward(
            query, key, value, keys_left_out, need_weights=False, attn_mask=left_out, is_causal=self.causal
        )
        return out
''',
    imports=("from typing import Any",),
)


@layer("attention", "MultiheadAttention", "self_attention", "mha", pytorch=("", "heads", "dropout", "bias"))
class Attention(Layer):
    """Multi-head scaled dot-product attention: of a sequence to itself, or of queries to the keys of another sequence.

    Shape: query (L, E), key (S, K), value (S, V) -> (L, E). Without a key it is self-attention; without a value the
    keys are the values. A mask of truth values is true for what is left out, one of floats is added to the scores: [S]
    speaks of the keys, [L, S] of each query's keys.
    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.2.
    Example: `residual { layernorm -> attention(12) }`; `attention(decoded, encoded, heads=8)`
    """

    figure_weight: ClassVar[FigureWeight] = "heavy"
    mixes_positions: ClassVar[bool] = True
    tensors: ClassVar[tuple[str, ...]] = ("query", "key?", "value?", "mask?")
    ranks: ClassVar[tuple[int, ...] | None] = (2,)

    heads: Positive
    dropout: Probability = Field(default=0.0, description="of the attention weights, while training")
    bias: Bool = True
    causal: Bool = Field(default=False, description="a position sees itself and those before it alone")

    def infer(
        self, query: Shape, key: Shape | None = None, value: Shape | None = None, mask: Shape | None = None
    ) -> Shape:
        features, key, value = self._features(query), key or query, value or key or query
        for other, what in ((key, "keys"), (value, "values")):
            if other.rank != 2 or other.dtype != "float":
                raise ShapeError(f"attention takes {what} [S, E], but these are {other}", code="E0303")
            fixed(other.dims[1], other, f"attention has weights for each feature of its {what}")
        if features % self.heads:
            raise ShapeError(
                f"attention divides its features among the heads, "
                f"but the {features} of {query} do not divide by {self.heads}",
                help=f"{_nearest_divisor(features, self.heads)} heads would do",
            )
        if differ(key.dims[0], value.dims[0]):
            raise ShapeError(
                f"attention takes a value for each key, but the keys are {key} and the values {value}", code="E0301"
            )
        if self.causal and differ(query.dims[0], key.dims[0]):
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
        needs = equal(key.dims[0], value.dims[0])
        if self.causal:
            needs += equal(query.dims[0], key.dims[0])
        if mask is not None:
            wanted = (key.dims[0],) if mask.rank == 1 else (query.dims[0], key.dims[0])
            needs += tuple(need for a, b in zip(mask.dims, wanted, strict=True) for need in equal(a, b))
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
        length = query.dims[0]
        others = length if key is None else agreed((key.dims[0], (value or key).dims[0]))
        return 2 * features * features * length + features * (keys + values) * others + 2 * features * length * others

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
        wanted = (key.dims[0],) if mask.rank == 1 else (query.dims[0], key.dims[0])
        if mask.rank != len(wanted) or any(differ(a, b) for a, b in zip(mask.dims, wanted, strict=True)):
            raise ShapeError(
                f"the mask of this attention is [{key.dims[0]}] or [{query.dims[0]}, {key.dims[0]}], not {mask}",
                code="E0301",
            )
        if mask.dtype == "int":
            raise ShapeError(f"a mask holds truth values or floats, but this one is {mask}", code="E0304")
        if self.causal and mask.rank == 2:
            raise ShapeError(
                "causal attention has a mask of its own",
                help="leave out causal, or give a mask of the keys alone",
                code="E0306",
            )

    def _features(self, query: Shape) -> int:
        return fixed(query.dims[1], query, "attention has weights for each feature of its queries")

    def _widths(self, query: Shape, key: Shape | None, value: Shape | None) -> tuple[int, int, int]:
        """The features of queries, keys and values."""
        key, value = key or query, value or key or query
        keys = fixed(key.dims[1], key, "attention has weights for each feature of its keys")
        values = fixed(value.dims[1], value, "attention has weights for each feature of its values")
        return self._features(query), keys, values


def _nearest_divisor(number: int, wanted: int) -> int:
    return min((n for n in range(1, min(number, 4096) + 1) if number % n == 0), key=lambda n: abs(n - wanted))
