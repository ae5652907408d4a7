// The side panel: what is known about the selected stage.

class Details {
  constructor(root, act) {
    Object.assign(this, { root, act });
  }

  /** Shows a box, and of a box that stands for several layers the one with index `node` in front. */
  show(box, node = -1) {
    this.root.replaceChildren(...(box ? this.about(box, node) : this.overview()));
    this.root.scrollTop = 0;
  }

  overview() {
    const { net } = data;
    return [
      html("p", { class: "kind" }, "net"),
      html("h2", {}, net.name),
      net.documentation && html("p", { class: "about" }, net.documentation),
      figures([
        ["Parameters", figure(net.parameters), short(net.parameters)],
        ["MACs", figure(net.macs), short(net.macs)],
        ["Layers", figure(net.layers)],
        ["Inputs", net.inputs.join("\n")],
        ["Outputs", net.outputs.join("\n")],
      ]),
      net.arguments.length && section("Arguments", table(net.arguments)),
      net.requirements.length &&
        section("Sizes that fit", html("ul", {}, ...net.requirements.map((line) => html("li", {}, line)))),
      html("p", { class: "hint" }, "Choose a stage to see its figures, or press / to look for one."),
    ].filter(Boolean);
  }

  about(box, node) {
    const layers = this.layersOf(box, node);
    return [
      html("p", { class: "kind" }, swatch(box.role), kindOf(box)),
      html("h2", {}, box.title || box.label || box.signature),
      box.name && html("p", { class: "name" }, html("code", {}, node < 0 ? named(box) : data.nodes[node].name)),
      opens(box) && this.opener(box),
      this.copies(box, node, layers),
      figures([
        ["Output", box.out.length ? (this.shapesOf(box, node)?.out ?? box.out.at(-1)) : null],
        ["Input", box.in.length ? (this.shapesOf(box, node)?.in ?? box.in.join("\n")) : null],
        ["Parameters", box.nodes.length ? figure(box.parameters) : null, share(box.parameters, data.net.parameters)],
        ["MACs", box.nodes.length ? figure(box.macs) : null, share(box.macs, data.net.macs)],
        ["Layers", box.nodes.length && box.children.length ? figure(box.layers) : null],
      ]),
      box.rounds > 1 && html("p", { class: "hint" }, this.shareOf(box, node, layers)),
      layers.length && !box.children.length && this.rounds(box, node),
      ...(box.children.length ? [] : layers.map((layer) => this.layer(layer, layers.length > 1))),
      box.arguments.length && section("Arguments", table(box.arguments)),
      this.written(box),
      this.neighbours(box),
    ].filter(Boolean);
  }

  opener(box) {
    const open = this.act.isOpen(box);
    return html(
      "p",
      {},
      html("button", { type: "button", class: "button", onclick: () => this.act.toggle(box) }, open ? "Close" : "Open"),
    );
  }

  /** The layers that a box without an inside stands for, in the round of `node`. */
  layersOf(box, node) {
    const all = box.nodes.flatMap(([first, count]) => Array.from({ length: count }, (_, index) => first + index));
    const each = all.length / box.rounds;
    const round = node < 0 ? 0 : Math.floor(all.indexOf(node) / each);
    return all.slice(round * each, (round + 1) * each).map((index) => data.nodes[index]);
  }

  /** The shapes of the round that is addressed, where the box stands for several. */
  shapesOf(box, node) {
    if (box.rounds < 2 || node < 0 || box.children.length) return null;
    const layers = this.layersOf(box, node).map((layer) => data.facts[layer.fact]);
    return { in: layers[0].in.join("\n"), out: layers.at(-1).out.at(-1) };
  }

  /** What of a box's figures one round has. */
  shareOf(box, node, layers) {
    const words = `One of ${box.rounds} alike; parameters and MACs are those of all.`;
    if (node < 0 || !layers.length || box.children.length) return words;
    const own = (layer) => (layer.weightsOf ? 0 : weighed(data.facts[layer.fact]));
    const sum = (cost) => layers.map(cost).reduce((one, other) => one + other, 0);
    const macs = sum((layer) => data.facts[layer.fact].macs);
    return `${words} This one has ${figure(sum(own))} parameters${Number.isFinite(macs) ? ` and ${figure(macs)} MACs` : ""}.`;
  }

  /** Buttons that copy what is said of a stage elsewhere: its name, its line in the spec, its line in PyTorch. */
  copies(box, node, layers) {
    const name = node < 0 ? box.name : data.nodes[node].name;
    const line = box.at && data.sources[box.at[0]].lines[box.at[1] - 1].map(([, piece]) => piece).join("").trim();
    const torch = box.children.length ? "" : layers.map((layer) => data.facts[layer.fact].torch).join("\n");
    const button = ([what, text]) =>
      html("button", { type: "button", class: "button copy", title: text, onclick: (event) => copy(text, event.target) }, what);
    const known = [["name", name], ["spec", line], ["PyTorch", torch]].filter(([, text]) => text);
    return known.length && html("p", { class: "copies" }, "Copy ", ...known.map(button));
  }

  /** Chooses among the rounds that a box stands for. */
  rounds(box, node) {
    if (box.rounds < 2) return null;
    const all = box.nodes.flatMap(([first, count]) => Array.from({ length: count }, (_, index) => first + index));
    const each = all.length / box.rounds;
    const heads = Array.from({ length: box.rounds }, (_, round) => all[round * each]);
    const chosen = node < 0 ? 0 : Math.floor(all.indexOf(node) / each);
    const options = heads.map((head, round) =>
      html("option", { value: head, selected: round === chosen }, data.nodes[head].name),
    );
    const select = html(
      "select",
      { onchange: (event) => this.act.select(box, { node: Number(event.target.value) }) },
      ...options,
    );
    return html("label", { class: "rounds" }, "This one: ", select);
  }

  /** One layer: as the spec writes it, its arguments, and how its figures come about. */
  layer(node, several) {
    const layer = data.layers[node.layer];
    const fact = data.facts[node.fact];
    const seen = data.fields[node.field];
    return html(
      "section",
      { class: "layer" },
      html("h3", {}, html("code", {}, layer.text)),
      layer.about && html("p", { class: "about" }, layer.about),
      several && html("p", { class: "shapes" }, `${fact.in.join(", ")} → ${fact.out.join(", ")}`),
      fact.how.length &&
        html(
          "ul",
          { class: "how", "aria-label": "How the shape comes about" },
          ...fact.how.map((line) => html("li", {}, line)),
        ),
      (fact.weights.length || fact.buffers.length) &&
        table([...fact.weights, ...fact.buffers.map(([name, shape]) => [name, `${shape} (not trained)`])], "Weights"),
      node.weightsOf && html("p", { class: "hint" }, `The same weights as ${node.weightsOf}.`),
      Boolean(node.training) && html("p", { class: "hint" }, "In training only."),
      seen.length && table(seen, "Receptive field"),
      layer.arguments.length &&
        html(
          "details",
          { open: layer.arguments.some(([, , given]) => given) },
          html("summary", {}, "Arguments"),
          argumentsOf(layer),
        ),
    );
  }

  /** Where the stage is written, and the instances of blocks that it is in. */
  written(box) {
    const lines = [];
    const line = (place, text) => html("li", {}, this.link(place), text && html("span", {}, text));
    if (box.at) lines.push(line(box.at, ""));
    if (box.from) lines.push(line(box.from, "is its definition"));
    for (let scope = data.scopes[box.scope]; scope; scope = data.scopes[scope.parent])
      lines.push(line(scope.at, `${scope.name} = ${scope.text}`));
    return lines.length && section("Written", html("ul", { class: "written" }, ...lines));
  }

  link(place) {
    const [source, line] = place;
    return html(
      "button",
      { type: "button", class: "link", onclick: () => this.act.read(place) },
      `${data.sources[source].name}:${line}`,
    );
  }

  /** The boxes that this one gets its values from, and those that get its own. */
  neighbours(box) {
    const { before, after } = this.act.neighbours(box);
    const listed = (title, edges, end) =>
      edges.length &&
      section(
        title,
        html(
          "ul",
          { class: "neighbours" },
          ...edges.map((edge) =>
            html(
              "li",
              {},
              html(
                "button",
                { type: "button", class: "link", onclick: () => this.act.select(edge[end], { show: true }) },
                called(edge[end]),
              ),
              html("span", {}, [edge.shape, ROLES[edge.role]].filter(Boolean).join(", ")),
            ),
          ),
        ),
      );
    return html("div", {}, listed("From", before, "source") || "", listed("To", after, "target") || "");
  }
}

/** How many weights are trained in a layer with these facts. */
const weighed = (fact) =>
  fact.weights
    .map(([, shape]) => shape.split(" × ").reduce((size, side) => size * Number(side), 1))
    .reduce((one, other) => one + other, 0);

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Where a page may not write to the clipboard by itself, it may copy what is selected.
    const field = html("textarea", {});
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  const said = button.textContent;
  button.textContent = "copied";
  setTimeout(() => (button.textContent = said), 900);
}

const KINDS = {
  rounds: "rounds",
  join: "join",
  input: "input",
  output: "output",
  block: "block",
  container: "container",
  net: "net",
};
const kindOf = (box) =>
  [KINDS[box.kind] ?? box.family, box.times > 1 ? `× ${box.times}` : "", box.training ? "in training only" : ""]
    .filter(Boolean)
    .join(" · ");
const named = (box) =>
  box.times > 1 && box.label
    ? box.name.slice(0, box.name.length - box.name.split(".").at(-1).length) + box.label.split(".").at(-1)
    : box.name;

function swatch(role) {
  const element = html("span", { class: "swatch", "aria-hidden": "true" });
  element.style.background = paint(role);
  return element;
}

/** The part of the net's total that a figure is, as a bar. */
function share(part, whole) {
  if (typeof part !== "number" || typeof whole !== "number" || !part || !whole) return null;
  const percent = (100 * part) / whole;
  const bar = html("span", { class: "bar" });
  bar.style.setProperty("--share", `${percent}%`);
  const words = percent >= 10 ? percent.toFixed(0) : percent >= 0.1 ? percent.toFixed(1) : "< 0.1";
  return html("span", { class: "share" }, bar, `${words} % of the net`);
}

function figures(rows) {
  const known = rows.filter(([, value]) => value !== null && value !== "");
  return html(
    "dl",
    { class: "figures" },
    ...known.flatMap(([name, value, more]) => [
      html("dt", {}, name),
      html(
        "dd",
        {},
        html("span", {}, value),
        more && more !== value ? (more.nodeType ? more : html("span", { class: "muted" }, more)) : null,
      ),
    ]),
  );
}

function section(title, ...content) {
  return html("section", {}, html("h3", {}, title), ...content);
}

function table(rows, caption) {
  const lines = rows.map(([name, value]) => html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, value)));
  return html("table", {}, caption && html("caption", {}, caption), html("tbody", {}, ...lines));
}

function argumentsOf(layer) {
  const lines = layer.arguments.map(([name, value, given]) =>
    html("tr", { class: given ? "given" : "default" }, html("th", { scope: "row" }, name), html("td", {}, value)),
  );
  return html("table", {}, html("tbody", {}, ...lines));
}
