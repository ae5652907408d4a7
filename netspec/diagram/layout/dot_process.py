"""The process that lays out: a DOT text a line (as a JSON string) in, Graphviz's layout as a line of JSON out.

It runs as a script, apart from the rest of netspec, so that it starts quickly and can be stopped: Graphviz itself has
no way to be told that the time is over.
"""

import json
import sys


def main() -> None:
    """Answers until the input ends."""
    import pygraphviz

    for line in sys.stdin:
        graph = pygraphviz.AGraph(string=json.loads(line))
        answer = json.loads(graph.draw(format="json0", prog="dot"))
        graph.close()
        sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
