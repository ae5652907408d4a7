; A definition's names hold in it; those of a body that a `for` or a wiring has, mostly in the body around as well.
[(file) (definition) (function) (comprehension)] @local.scope

(definition name: (identifier) @local.definition.type)
(import name: (identifier) @local.definition.import)
(function name: (identifier) @local.definition.function)
(parameter name: (identifier) @local.definition.parameter)
(let name: (identifier) @local.definition.var)
(for target: (identifier) @local.definition.var)
(round target: (identifier) @local.definition.var)
(pattern (identifier) @local.definition.var)
(input name: (identifier) @local.definition.var)
(stage label: (label (identifier) @local.definition.field))
(shared label: (label (identifier) @local.definition.field))
(output label: (label (identifier) @local.definition.field))

(identifier) @local.reference
