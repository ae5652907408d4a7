(definition body: (body) @class.inside) @class.around
(function value: (_) @function.inside) @function.around
(parameters (parameter) @parameter.inside @parameter.around)
(arguments (argument) @parameter.inside @parameter.around)
(comment) @comment.inside
(comment)+ @comment.around
[(stage) (setting) (draw)] @entry.around
(stage flow: (_) @entry.inside)
(setting value: (_) @entry.inside)
