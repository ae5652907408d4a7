(definition name: (identifier) @name) @definition.class
(function name: (identifier) @name) @definition.function
(stage label: (label (identifier) @name)) @definition.field
(shared label: (label (identifier) @name)) @definition.field
(call callee: (identifier) @name) @reference.call
(import name: (identifier) @name) @reference.class
