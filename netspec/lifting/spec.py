"""A network to the text of a spec."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.format import format_source, print_tree
from netspec.lifting.items import Item
from netspec.lifting.steps import Network
from netspec.lifting.structure.blocks import Blocks
from netspec.lifting.structure.nest import nest
from netspec.lifting.structure.repeats import folded
from netspec.lifting.structure.wirings import wired
from netspec.lifting.translation.peepholes import tidied
from netspec.lifting.writing.common import with_common_tables
from netspec.lifting.writing.defaults import with_defaults
from netspec.lifting.writing.rows import in_flows, in_rows
from netspec.lifting.writing.writer import Writer, literal, names_in
from netspec.syntax import tree
from netspec.syntax.source import Source


def spec_text(network: Network, *, plain: bool = False, library: bool = False) -> str:
    """The text of the spec of a network, as `netspec fmt` writes it; with `plain` without blocks and loops.

    With `library` what the library seems to have a block for calls that: a proof has to say whether it is one.
    """
    network = tidied(network)
    return text_of(network, wired(nest(network), leaving(network)), plain=plain, library=library)


def leaving(network: Network) -> frozenset[int]:
    """The values that are outputs."""
    return frozenset(value for _, value in network.outputs)


def text_of(network: Network, items: Sequence[Item], *, plain: bool = False, library: bool = False) -> str:
    """The text of a network whose items are known."""
    blocks = Blocks(network)
    if library and not plain:
        blocks.imported(items)
    if not plain:
        blocks.find(items)
    body = tree.Body(_net_body(network, items, blocks))
    definitions = (*blocks.definitions, tree.Definition("net", network.name, (), body))
    file = tree.File(definitions) if plain else with_common_tables(with_defaults(folded(tree.File(definitions))))
    imports = (
        tree.Import(tree.Name(module), tuple(tree.Name(name) for name in sorted(names)))
        for module, names in sorted(blocks.imports.items())
    )
    file = tree.File((*imports, *file.items))
    return format_source(Source("<lifted>", in_rows(print_tree(in_flows(file)))))


def _net_body(network: Network, items: Sequence[Item], blocks: Blocks) -> tuple[tree.Statement, ...]:
    inputs = [
        tree.Input(
            name,
            None if (shape := network.shapes[value]).dtype == "float" else shape.dtype,
            tuple(map(literal, shape.dims)),
        )
        for name, value in network.inputs
    ]
    entry = network.inputs[0][1] if len(network.inputs) == 1 else None
    names: dict[int, tree.Expr] = {value: tree.Name(name) for name, value in network.inputs}
    (first, *others) = network.outputs
    last = items[-1].made[0] if items and items[-1].made else None
    plain = not others and not network.training and last == first[1]
    pinned = () if plain else [value for _, value in network.outputs]
    writer = Writer(blocks.called, network.shapes, names_in(items) | {name for name, _ in network.inputs})
    statements = writer.definition(items, entry, names, pinned=pinned)
    outputs = (
        []
        if plain
        else [
            tree.Output(tree.Label((name or "output",)), tree.Flow((writer.names[value],)), name in network.training)
            for name, value in network.outputs
        ]
    )
    return (*inputs, *statements, *outputs)
