; Made by python -m netspec.editors

(comment) @comment
(string) @string
(escape) @string.escape
[(number) (quantity)] @number
(constant) @constant.builtin

["net" "block" "train"] @keyword.type
["let" "shared" "default" "input" "output" "assert"] @keyword
["add" "concat" "dense" "highway" "mul" "residual" "carry" "gate" "shortcut"] @keyword
["step" "draw"] @keyword
(setting key: (identifier) @keyword)
["from" "import"] @keyword.import
["if" "else" "when" "training"] @keyword.conditional
["for" "repeat"] @keyword.repeat
"return" @keyword.return
["and" "or" "not"] @keyword.operator
(compare "in" @keyword.operator)
(for "in" @keyword.repeat)
(round "in" @keyword.repeat)
(in) @variable.builtin
((identifier) @variable.builtin
  (#eq? @variable.builtin "_"))

(definition name: (identifier) @type)
(import name: (identifier) @type)
(dotted) @module
(type_name (identifier) @type.builtin)
(input type: (type_name) @type.builtin)
(function name: (identifier) @function)
(parameter name: (identifier) @variable.parameter)
(argument name: (identifier) @variable.parameter)
(input name: (identifier) @variable.parameter)
(hole (identifier) @variable.parameter)
(label (identifier) @variable.member)
(label (attribute value: (identifier) @variable.member))
(attribute name: (identifier) @variable.member)
(template (text) @variable.member)
(step name: (identifier) @label)
(draw name: (identifier) @label)

([
  (call callee: (identifier) @function.builtin)
  (default layer: (identifier) @function.builtin)
  (flow (identifier) @function.builtin)
  (argument value: (identifier) @function.builtin)
  (parameter default: (identifier) @function.builtin)
 ]
  (#any-of? @function.builtin
    "abs" "adaptive_avgpool" "adaptive_maxpool" "add" "alpha_dropout" "anchors" "argmax" "attention" "avgpool"
    "batchnorm" "box_decode" "box_encode" "celu" "center_crop" "channel_dropout" "channel_shuffle" "clamp"
    "clip_boxes" "concat" "constant" "conv" "cos" "crop" "default_boxes" "depthwise_conv" "detach"
    "distance_decode" "distance_encode" "div" "drop_path" "dropout" "elu" "embedding" "equal" "exp" "expand"
    "flatten" "flip" "gather" "gelu" "global_avgpool" "global_maxpool" "glu" "greater" "greater_equal"
    "groupnorm" "gru" "hardshrink" "hardsigmoid" "hardswish" "hardtanh" "identity" "instancenorm" "layernorm"
    "leaky_relu" "less" "less_equal" "linear" "local_conv" "log" "log_softmax" "logsigmoid" "lppool" "lrn"
    "lstm" "matmul" "max" "maximum" "maxout" "maxpool" "mean" "min" "minimum" "mish" "mul" "neg" "noise"
    "norm" "not_equal" "one_hot" "pad" "param" "per_anchor" "permute" "pixel_shuffle" "pixel_unshuffle"
    "position" "pow" "prelu" "rearrange" "relu" "relu6" "reshape" "rmsnorm" "rnn" "roll" "rrelu" "scale"
    "select" "selu" "separable_conv" "sigmoid" "silu" "sin" "slice" "softmax" "softmin" "softplus"
    "softshrink" "softsign" "split" "sqrt" "square" "squeeze" "stack" "std" "sub" "sum" "swiglu" "tanh"
    "tanhshrink" "threshold" "transpose" "unembed" "unpool" "unsqueeze" "upconv" "upsample" "var" "where"
    "yolo_boxes" "yolo_cells"))
([
  (call callee: (identifier) @function.call)
  (default layer: (identifier) @function.call)
 ]
  (#not-match? @function.call
    "^(abs|adaptive_avgpool|adaptive_maxpool|add|alpha_dropout|anchors|argmax|attention|avgpool|batchnorm|box_decode|box_encode|celu|center_crop|channel_dropout|channel_shuffle|clamp|clip_boxes|concat|constant|conv|cos|crop|default_boxes|depthwise_conv|detach|distance_decode|distance_encode|div|drop_path|dropout|elu|embedding|equal|exp|expand|flatten|flip|gather|gelu|global_avgpool|global_maxpool|glu|greater|greater_equal|groupnorm|gru|hardshrink|hardsigmoid|hardswish|hardtanh|identity|instancenorm|layernorm|leaky_relu|less|less_equal|linear|local_conv|log|log_softmax|logsigmoid|lppool|lrn|lstm|matmul|max|maximum|maxout|maxpool|mean|min|minimum|mish|mul|neg|noise|norm|not_equal|one_hot|pad|param|per_anchor|permute|pixel_shuffle|pixel_unshuffle|position|pow|prelu|rearrange|relu|relu6|reshape|rmsnorm|rnn|roll|rrelu|scale|select|selu|separable_conv|sigmoid|silu|sin|slice|softmax|softmin|softplus|softshrink|softsign|split|sqrt|square|squeeze|stack|std|sub|sum|swiglu|tanh|tanhshrink|threshold|transpose|unembed|unpool|unsqueeze|upconv|upsample|var|where|yolo_boxes|yolo_cells)$"))

["->" "**" "//" "==" "!=" "<=" ">=" "=" "|" "+" "-" "*" "/" "%" "<" ">"] @operator
["(" ")" "[" "]" "{" "}" "${"] @punctuation.bracket
["," ":" ";" "."] @punctuation.delimiter
"$" @punctuation.special
