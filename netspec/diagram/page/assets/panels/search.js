// Looking for a stage by its name, by what it does, or by the shapes that it takes and makes.

const MOST = 40;

/** Words as they are compared: small letters, and shapes without blanks, `512x28x28` for `512 × 28 × 28`. */
const plain = (text) => text.toLowerCase().replace(/(?<=[\w)])\s*[×x*]\s*(?=[\d(])/g, (sign) => (/[×*]|\s/.test(sign) ? "x" : sign));

/** What a place does and the shapes that it takes and makes. */
function described({ box, node }) {
  if (node < 0) return plain([box.title, ...box.merged, box.signature, box.family, ...box.in, ...box.out].join(" "));
  const { layer, fact } = data.nodes[node];
  const shapes = [...data.facts[fact].in, ...data.facts[fact].out];
  return plain([box.title, box.signature, box.family, data.layers[layer].text, ...shapes].join(" "));
}

/** The places that hold every word of the query, those whose name begins with it first. */
function found(query) {
  const words = plain(query).split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const ranked = [];
  for (const place of places.values()) {
    const name = place.name.toLowerCase();
    const text = `${name} ${described(place)}`;
    if (!words.every((word) => text.includes(word))) continue;
    const [word] = words;
    const rank =
      name === word ? 0 : name.split(".").includes(word) ? 1 : name.startsWith(word) ? 2 : name.includes(word) ? 3 : 4;
    ranked.push([rank, name.length, ranked.length, place]);
  }
  ranked.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return ranked.map(([, , , place]) => place);
}

class Search {
  constructor(field, list, act) {
    Object.assign(this, { field, list, act, results: [], at: -1 });
    field.addEventListener("input", () => this.look());
    field.addEventListener("focus", () => this.look());
    field.addEventListener("keydown", (event) => this.key(event));
    field.addEventListener("blur", () => this.close());
    // A press must not take the focus away from the field before it is a click.
    list.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  look() {
    const all = found(this.field.value);
    this.results = all.slice(0, MOST);
    this.at = this.results.length ? 0 : -1;
    const rows = this.results.map((place, index) =>
      html(
        "li",
        { role: "option", id: `found-${index}`, onclick: () => this.choose(index) },
        swatch(place.box.role),
        html("code", {}, place.name),
        html("span", { class: "muted" }, place.box.title),
      ),
    );
    if (all.length > MOST)
      rows.push(html("li", { class: "more", role: "presentation" }, `and ${all.length - MOST} more`));
    if (!all.length && this.field.value.trim())
      rows.push(html("li", { class: "more", role: "presentation" }, "no stage of that name"));
    this.list.replaceChildren(...rows);
    this.list.hidden = !rows.length;
    this.field.setAttribute("aria-expanded", String(Boolean(rows.length)));
    this.point();
  }

  point() {
    [...this.list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === this.at)));
    if (this.at < 0) return this.field.removeAttribute("aria-activedescendant");
    this.field.setAttribute("aria-activedescendant", `found-${this.at}`);
    this.list.children[this.at].scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.results.length) {
      event.preventDefault();
      this.at = (this.at + step + this.results.length) % this.results.length;
      this.point();
    } else if (event.key === "Enter" && this.at >= 0) {
      event.preventDefault();
      this.choose(this.at);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      this.field.value = "";
      this.close();
      this.act.focusDiagram();
    }
  }

  choose(index) {
    const { box, node } = this.results[index];
    this.close();
    this.act.select(box, { node, show: true, focus: true });
  }

  close() {
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
  }
}
