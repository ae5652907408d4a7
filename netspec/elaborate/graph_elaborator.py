"""The elaborator of a graph: functions by tree node, and by what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from netspec.elaborate.bodies.control import leave, loop_over, repeat, take_branch
from netspec.elaborate.bodies.lets import default, define, in_loop, let
from netspec.elaborate.bodies.scopes import readable_inside
from netspec.elaborate.bodies.sharing import apply_shared, same_weights, share
from netspec.elaborate.bodies.stages import container
from netspec.elaborate.bodies.wirings import branches, dense, highway, residual, residual_if, wiring
from netspec.elaborate.calls.application import apply
from netspec.elaborate.calls.arguments import evaluated_arguments, layer_value
from netspec.elaborate.calls.blocks import for_parameter
from netspec.elaborate.calls.calls import call, named_call, pass_on
from netspec.elaborate.calls.functions import built_in
from netspec.elaborate.calls.layers import apply_layer, make_layer, plain_argument
from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.access import attribute, index, item_at, list_of, member, slice_of, stage_inside
from netspec.elaborate.expressions.arithmetic import binary, operand, unary
from netspec.elaborate.expressions.comparisons import compare
from netspec.elaborate.expressions.comprehensions import comprehension, rounds
from netspec.elaborate.expressions.evaluation import conditional, evaluate, label_value, literal_value
from netspec.elaborate.expressions.names import label_text, named_value
from netspec.elaborate.nets.ends import declared_size, net_statement
from netspec.elaborate.nets.instances import instantiate
from netspec.elaborate.state import State
from netspec.syntax import tree


class GraphElaborator(Elaborator):
    """Elaborates one net, every number that of its arguments."""

    remembers = True
    expressions: ClassVar = {
        tree.Number: literal_value,
        tree.String: literal_value,
        tree.Constant: literal_value,
        tree.Name: named_value,
        tree.Label: label_value,
        tree.List: list_of,
        tree.Unary: unary,
        tree.Binary: binary,
        tree.Compare: compare,
        tree.Conditional: conditional,
        tree.Call: call,
        tree.Attribute: attribute,
        tree.Member: member,
        tree.Comprehension: comprehension,
        tree.Round: rounds,
        tree.Index: index,
        tree.Slice: slice_of,
    }
    statements: ClassVar = {
        tree.Stage: lambda elaborator, stage, frame, each: each(elaborator, stage, frame),
        tree.Let: lambda elaborator, statement, frame, each: let(elaborator, statement, frame),
        tree.Function: lambda elaborator, statement, frame, each: define(elaborator, statement, frame),
        tree.Shared: lambda elaborator, shared, frame, each: share(elaborator, shared, frame),
        tree.Default: lambda elaborator, statement, frame, each: default(elaborator, statement, frame),
        tree.For: loop_over,
        tree.Repeat: repeat,
        tree.If: take_branch,
        tree.Return: lambda elaborator, statement, frame, each: leave(elaborator, statement, frame),
        tree.Input: lambda elaborator, statement, frame, each: net_statement(elaborator, statement, frame),
        tree.Output: lambda elaborator, statement, frame, each: net_statement(elaborator, statement, frame),
        tree.Assert: lambda elaborator, statement, frame, each: net_statement(elaborator, statement, frame),
    }
    wirings: ClassVar = {
        "residual": residual,
        "highway": highway,
        "concat": branches,
        "add": branches,
        "mul": branches,
        "dense": dense,
    }

    def __init__(self, state: State, inputs: Mapping[str, list[Any]] | None = None) -> None:
        self.state = state
        self.shapes = dict(inputs or {})
        self.results: list[Tensor] = []

    evaluate = evaluate
    label = label_text
    stage_inside = stage_inside
    item = item_at
    operand = operand
    apply_layer = apply_layer
    apply = apply
    make_layer = make_layer
    plain = plain_argument
    function = built_in
    evaluated = evaluated_arguments
    layer_value = layer_value
    nothing = pass_on
    named_call = named_call
    for_parameter = for_parameter
    instantiate = instantiate
    apply_shared = apply_shared
    same_weights = same_weights
    container = container
    readable = readable_inside
    in_loop = in_loop
    residual_if = residual_if
    declared_size = declared_size
    wiring = wiring
