/**
 * The syntax of `.net` files for editors, after grammar/netspec.lark: a node is called as its class in
 * netspec/syntax/tree.py.
 *
 * What netspec/syntax/layout.py decides is decided in src/scanner.c: where a line ends a statement, and which words are
 * keywords where they stand. Separators between statements are optional, and an expression goes on as far as it can.
 *
 * After a change: tree-sitter generate --abi 14
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

const PRECEDENCE = {
  conditional: 1,
  or: 2,
  and: 3,
  not: 4,
  compare: 5,
  sum: 6,
  product: 7,
  sign: 8,
  power: 9,
  primary: 10,
};

module.exports = grammar({
  name: "netspec",

  // The order is that of the scanner's enum Terminal.
  externals: ($) => [
    $._line_end,
    $._net,
    $._block,
    $._train,
    $._from,
    $._let,
    $._shared,
    $._default,
    $._input,
    $._output,
    $._assert,
    $._return,
    $._repeat,
    $._repeat_value,
    $._residual,
    $._highway,
    $._concat,
    $._add,
    $._mul,
    $._dense,
    $._shortcut,
    $._gate,
    $._carry,
    $._when,
    $._step,
    $._draw,
  ],

  extras: ($) => [/[ \t\r\f\n]/, $.comment],

  word: ($) => $.identifier,

  supertypes: ($) => [$.expression, $.statement],

  inline: ($) => [$._target, $._element],

  rules: {
    file: ($) => repeat(choice($._separator, $._item)),

    _separator: ($) => choice(";", $._line_end),
    _item: ($) => choice($.import, $.let, $.function, $.default, $.definition, $.train),

    import: ($) =>
      seq(
        alias($._from, "from"),
        field("module", choice($.string, $.dotted)),
        "import",
        commas(field("name", $.identifier)),
      ),
    dotted: ($) => seq($.identifier, repeat(seq($._dot, $.identifier))),

    definition: ($) =>
      seq(
        field("kind", choice(alias($._net, "net"), alias($._block, "block"))),
        field("name", $.identifier),
        optional(field("parameters", $.parameters)),
        field("body", $.body),
      ),
    parameters: ($) => seq("(", optional(seq(commas($.parameter), optional(","))), ")"),
    parameter: ($) =>
      seq(
        field("name", $.identifier),
        optional(seq(":", field("type", choice($.type_name, $.choice)))),
        optional(seq("=", field("default", $.expression))),
      ),
    type_name: ($) => seq($.identifier, optional(seq("[", $.identifier, "]"))),
    choice: ($) => seq(choice($.number, $.string), repeat(seq("|", choice($.number, $.string)))),

    train: ($) => seq(alias($._train, "train"), $._settings),
    _settings: ($) => seq("{", repeat(choice($._separator, $._entry)), "}"),
    _entry: ($) => choice($.setting, $.step, $.draw),
    // A key alone is a line half typed, which leaves the next one in place.
    setting: ($) => prec.right(seq(field("key", $.identifier), optional(field("value", $.flow)))),
    draw: ($) => seq(alias($._draw, "draw"), field("name", $.identifier), field("value", $.flow)),
    step: ($) => seq(alias($._step, "step"), field("name", $.identifier), $._settings),

    body: ($) => seq("{", repeat(choice($._separator, $.statement)), "}"),
    statement: ($) =>
      choice(
        ...[$.stage, $.let, $.function, $.shared, $.default, $.for, $.repeat, $.if],
        ...[$.return, $.input, $.output, $.assert],
      ),

    stage: ($) =>
      choice(
        field("flow", $.flow),
        seq(commas(field("label", $.label)), "=", field("flow", choice($.flow, $.for, alias($._repeated, $.repeat)))),
      ),
    label: ($) => $._primary,
    _repeated: ($) => seq(alias($._repeat_value, "repeat"), field("count", $.expression), field("body", $.body)),

    let: ($) => seq(alias($._let, "let"), commas(field("name", $.identifier)), "=", field("flow", $.flow)),
    function: ($) =>
      seq(
        alias($._let, "let"),
        field("name", $.identifier),
        field("parameters", $.parameters),
        "=",
        field("value", $.expression),
      ),
    shared: ($) => seq(alias($._shared, "shared"), field("label", $.label), "=", field("flow", $.flow)),
    default: ($) => seq(alias($._default, "default"), field("layer", $.identifier), field("arguments", $.arguments)),
    for: ($) => seq($._each, field("sequence", $.expression), field("body", $.body)),
    _each: ($) => seq("for", commas(field("target", $._target)), "in"),
    _target: ($) => choice($.identifier, $.pattern),
    pattern: ($) => seq("(", commas($._target), ")"),
    repeat: ($) => seq(alias($._repeat, "repeat"), field("count", $.expression), field("body", $.body)),
    if: ($) => seq($.branch, repeat(seq("else", $.branch)), optional(seq("else", field("otherwise", $.body)))),
    branch: ($) => seq("if", field("condition", $.expression), field("body", $.body)),
    return: ($) => seq(alias($._return, "return"), commas($.expression)),
    input: ($) =>
      seq(
        alias($._input, "input"),
        field("name", $.identifier),
        optional(seq(":", field("type", alias($.identifier, $.type_name)))),
        field("shape", $.list),
      ),
    output: ($) =>
      seq(
        alias($._output, "output"),
        optional(seq(field("label", $.label), "=")),
        field("flow", $.flow),
        optional(seq(alias($._when, "when"), "training")),
      ),
    assert: ($) =>
      seq(
        alias($._assert, "assert"),
        field("figure", $._sum),
        field("operator", $._comparison),
        field("limit", choice($._sum, $.quantity)),
      ),

    flow: ($) => seq($._element, repeat(seq("->", $._element))),
    _element: ($) => choice($.expression, $.group, $.wiring),
    group: ($) => $.body,
    wiring: ($) =>
      seq(
        choice(
          seq(field("keyword", alias($._residual, "residual")), optional(seq("if", field("condition", $.expression)))),
          field("keyword", alias($._highway, "highway")),
          field("keyword", alias($._concat, "concat")),
          field("keyword", alias($._add, "add")),
          field("keyword", alias($._mul, "mul")),
          field("keyword", alias($._dense, "dense")),
        ),
        field("body", $.body),
        repeat($.clause),
      ),
    clause: ($) =>
      seq(
        field("keyword", choice(alias($._shortcut, "shortcut"), alias($._gate, "gate"), alias($._carry, "carry"))),
        field("body", $.body),
      ),

    // Expressions: precedence and grouping as in Python.
    expression: ($) => choice($.conditional, $._either),
    conditional: ($) =>
      prec.right(
        PRECEDENCE.conditional,
        seq(field("then", $._either), "if", field("condition", $._either), "else", field("otherwise", $.expression)),
      ),
    _either: ($) => choice(alias($._junction, $.binary), alias($._negation, $.unary), $.compare, $._sum),
    _junction: ($) => choice(...[[PRECEDENCE.or, "or"], [PRECEDENCE.and, "and"]].map(infix($._either))),
    _negation: ($) => prec(PRECEDENCE.not, seq(field("operator", "not"), field("operand", $._either))),
    compare: ($) => $._chain,
    _chain: ($) =>
      prec.left(PRECEDENCE.compare, seq(choice($._chain, $._sum), $._comparator, $._sum)),
    _comparator: ($) => choice($._comparison, "in", seq("not", "in")),
    _comparison: (_) => choice("==", "!=", "<", "<=", ">", ">="),

    _sum: ($) => choice($.binary, $.unary, $._primary),
    binary: ($) =>
      choice(
        ...[[PRECEDENCE.sum, choice("+", "-")], [PRECEDENCE.product, choice("*", "/", "//", "%")]].map(infix($._sum)),
        prec.right(PRECEDENCE.power, seq(field("left", $._primary), field("operator", "**"), field("right", $._sum))),
      ),
    unary: ($) => prec(PRECEDENCE.sign, seq(field("operator", choice("+", "-")), field("operand", $._sum))),

    _primary: ($) =>
      choice(
        ...[$.number, $.string, $.constant, $.identifier, $.in, $.template, $.list, $.comprehension, $.parenthesized],
        ...[$.call, $.index, $.slice, $.attribute, $.member],
      ),
    parenthesized: ($) => seq("(", $.expression, ")"),
    call: ($) => prec(PRECEDENCE.primary, seq(field("callee", $._primary), field("arguments", $.arguments))),
    arguments: ($) => seq("(", optional(seq(commas($.argument), optional(","))), ")"),
    argument: ($) => seq(optional(seq(field("name", $.identifier), "=")), field("value", $.expression)),
    index: ($) => prec(PRECEDENCE.primary, seq(field("value", $._primary), "[", field("index", $.expression), "]")),
    slice: ($) =>
      prec(
        PRECEDENCE.primary,
        seq(
          field("value", $._primary),
          "[",
          optional(field("start", $.expression)),
          ":",
          optional(field("stop", $.expression)),
          optional(seq(":", optional(field("step", $.expression)))),
          "]",
        ),
      ),
    attribute: ($) => prec(PRECEDENCE.primary, seq(field("value", $._primary), $._dot, field("name", $.identifier))),
    member: ($) =>
      prec(
        PRECEDENCE.primary,
        seq(
          field("value", $._primary),
          $._dot,
          field("label", choice($.template, $.string, alias(token.immediate(/\d+/), $.number))),
        ),
      ),
    // `features.16` is a stage of `features`, and `.16` elsewhere a number.
    _dot: (_) => choice(".", alias(token.immediate(prec(1, ".")), ".")),
    list: ($) => seq("[", optional(seq(commas($.expression), optional(","))), "]"),
    comprehension: ($) => seq("[", field("item", $.expression), repeat1($.round), "]"),
    round: ($) =>
      seq($._each, field("sequence", $._either), optional(seq("if", field("condition", $._either)))),

    template: ($) =>
      prec(
        PRECEDENCE.primary,
        seq(
          choice(
            seq(alias($.identifier, $.text), alias($._next_hole, $.hole)),
            $.hole,
          ),
          repeat(choice(alias($._next_hole, $.hole), alias($._tail, $.text))),
        ),
      ),
    hole: ($) => choice(seq("$", alias($._word_at_once, $.identifier)), seq("${", $.expression, "}")),
    _next_hole: ($) =>
      choice(
        seq(alias(token.immediate(prec(1, "$")), "$"), alias($._word_at_once, $.identifier)),
        seq(alias(token.immediate(prec(1, "${")), "${"), $.expression, "}"),
      ),
    _word_at_once: (_) => token.immediate(/[A-Za-z_][A-Za-z0-9_]*/),
    _tail: (_) => token.immediate(prec(1, /[A-Za-z0-9_]+/)),

    identifier: (_) => /[A-Za-z_][A-Za-z0-9_]*/,
    in: (_) => "in",
    constant: (_) => choice("true", "false", "none"),
    number: (_) => /(\d+(_\d+)*(\.(\d+(_\d+)*)?)?|\.\d+(_\d+)*)([eE][+-]?\d+)?/,
    quantity: (_) => /\d+(\.\d+)?([kKMGT](i?B)?|B)/,
    string: ($) => choice(quoted($, '"', /[^"\\\n]+/), quoted($, "'", /[^'\\\n]+/)),
    escape: (_) => token.immediate(prec(1, /\\(u[0-9a-fA-F]{4}|[^\n])/)),
    comment: (_) => token(/#[^\n]*/),
  },
});

function commas(rule) {
  return seq(rule, repeat(seq(",", rule)));
}

function quoted($, quote, characters) {
  return seq(quote, repeat(choice(token.immediate(prec(1, characters)), $.escape)), token.immediate(quote));
}

function infix(operand) {
  return ([level, operator]) =>
    prec.left(level, seq(field("left", operand), field("operator", operator), field("right", operand)));
}
