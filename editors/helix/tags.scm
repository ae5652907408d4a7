(definition name: (identifier) @name) @definition.class
(function name: (identifier) @name) @definition.function
