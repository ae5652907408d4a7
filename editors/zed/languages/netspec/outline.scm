(definition
  kind: _ @context
  name: (identifier) @name) @item
(function
  "let" @context
  name: (identifier) @name) @item
(train
  "train" @name) @item
(step
  "step" @context
  name: (identifier) @name) @item
(stage
  label: (label) @name) @item
(shared
  "shared" @context
  label: (label) @name) @item
