[(body) (train) (step) (list) (comprehension) (parenthesized) (arguments) (parameters)] @indent.begin
["}" "]" ")"] @indent.branch @indent.end
(ERROR ["{" "[" "("]) @indent.begin
