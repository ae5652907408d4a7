"""The elaborator of a blueprint: what it does in another way than that of a graph."""

from __future__ import annotations

from typing import ClassVar

from netspec.elaborate.generic.blocks import call_block, named_call_for_all
from netspec.elaborate.generic.calls import (
    apply_for_all,
    arguments_for_all,
    built_in_for_all,
    layer_for_all,
    layer_with_expressions,
    parameter_for_all,
    pass_on_for_all,
    plain_for_all,
    size_for_all,
)
from netspec.elaborate.generic.choices import condition_for_all
from netspec.elaborate.generic.expressions import (
    conditional_for_all,
    item_for_all,
    label_for_all,
    name_for_all,
    operand_for_all,
    said_rounds,
    slice_for_all,
)
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.generic.lets import let_for_all
from netspec.elaborate.generic.loops import in_loop_for_all, loop_for_all, repeat_for_all
from netspec.elaborate.generic.modules import (
    any_weights,
    apply_shared_for_all,
    container_for_all,
    readable_for_all,
    stage_for_all,
)
from netspec.elaborate.generic.wirings import branches_for_all, residual_for_all
from netspec.elaborate.graph_elaborator import GraphElaborator
from netspec.syntax import tree


class BlueprintElaborator(Generic):
    """Elaborates a block for all arguments, with the numbers of one call."""

    expressions: ClassVar = {
        **GraphElaborator.expressions,
        tree.Name: name_for_all,
        tree.Conditional: conditional_for_all,
        tree.Round: said_rounds,
        tree.Slice: slice_for_all,
    }
    statements: ClassVar = {
        **GraphElaborator.statements,
        tree.Let: lambda elaborator, statement, frame, each: let_for_all(elaborator, statement, frame),
        tree.If: condition_for_all,
        tree.For: loop_for_all,
        tree.Repeat: repeat_for_all,
    }
    wirings: ClassVar = {
        **GraphElaborator.wirings,
        **dict.fromkeys(("concat", "add", "mul"), branches_for_all),
    }

    label = label_for_all
    stage_inside = stage_for_all
    item = item_for_all
    operand = operand_for_all
    apply = apply_for_all
    make_layer = layer_with_expressions
    plain = plain_for_all
    function = built_in_for_all
    evaluated = arguments_for_all
    layer_value = layer_for_all
    nothing = pass_on_for_all
    named_call = named_call_for_all
    for_parameter = parameter_for_all
    instantiate = call_block
    apply_shared = apply_shared_for_all
    same_weights = any_weights
    container = container_for_all
    readable = readable_for_all
    in_loop = in_loop_for_all
    residual_if = residual_for_all
    declared_size = size_for_all
