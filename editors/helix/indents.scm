[(body) (train) (step) (list) (comprehension) (parenthesized) (arguments) (parameters)] @indent
["}" "]" ")"] @outdent
