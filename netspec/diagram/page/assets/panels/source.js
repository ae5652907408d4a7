// The spec's text: its lines in colour, those with stages to be chosen.

class SourceText {
  constructor(root, tabs, act) {
    Object.assign(this, { root, tabs, act, shown: -1, lines: [] });
    this.stages = new Map();
    for (const box of boxes) {
      for (const place of [box.at, ...box.lines.map((line) => [box.at?.[0], line])]) {
        if (!place || box.kind === "rounds") continue;
        const key = `${place[0]}:${place[1]}`;
        if (!this.stages.has(key)) this.stages.set(key, []);
        const stages = this.stages.get(key);
        if (stages.at(-1) !== box) stages.push(box);
      }
    }
    data.sources.forEach((source, index) =>
      tabs.append(
        html(
          "button",
          { type: "button", role: "tab", "aria-selected": "false", onclick: () => this.open(index) },
          source.name,
        ),
      ),
    );
    root.addEventListener("keydown", (event) => this.key(event));
  }

  open(source) {
    if (this.shown === source) return;
    this.shown = source;
    [...this.tabs.children].forEach((tab, index) => tab.setAttribute("aria-selected", String(index === source)));
    this.lines = data.sources[source].lines.map((line, index) => this.line(line, index + 1));
    this.root.replaceChildren(...this.lines);
  }

  line(pieces, number) {
    const stages = this.stages.get(`${this.shown}:${number}`);
    const text = html(
      "span",
      { class: "text", dir: "ltr" },
      ...pieces.map(([kind, piece]) => html("span", { class: kind ? `t-${kind}` : null }, piece)),
    );
    const row = [html("span", { class: "place", "aria-hidden": "true" }, String(number)), text];
    if (!stages) return html("div", { class: "row" }, ...row);
    return html("button", { type: "button", class: "row", tabindex: "-1", onclick: () => this.choose(number) }, ...row);
  }

  /** Selects the stage of a line; where it has several (a block's line, a loop's), the next one each time. */
  choose(number) {
    const stages = this.stages.get(`${this.shown}:${number}`);
    const at = stages.indexOf(this.act.selected());
    this.act.select(stages[(at + 1) % stages.length], { show: true });
  }

  /** Marks the lines of the selected box, and shows the first. */
  mark(box) {
    for (const line of this.lines) line.classList.remove("marked", "passed");
    if (!box?.at) return;
    this.open(box.at[0]);
    this.markLines([box.at[1], ...box.lines], "marked");
    for (const outer of pathOf(box).slice(0, -1))
      if (outer.at?.[0] === this.shown) this.markLines([outer.at[1]], "passed");
    this.reveal(box.at[1]);
  }

  /** Shows a line of one of the files. */
  read([source, number]) {
    this.open(source);
    for (const line of this.lines) line.classList.remove("marked", "passed");
    this.markLines([number], "marked");
    this.reveal(number);
  }

  markLines(numbers, name) {
    for (const number of numbers) this.lines[number - 1]?.classList.add(name);
  }

  reveal(number) {
    const line = this.lines[number - 1];
    if (!line) return;
    for (const other of this.lines) if (other.tabIndex === 0) other.tabIndex = -1;
    if (line.matches("button")) line.tabIndex = 0;
    const { scrollTop, clientHeight } = this.root;
    if (line.offsetTop < scrollTop + 24 || line.offsetTop > scrollTop + clientHeight - 48)
      this.root.scrollTop = line.offsetTop - clientHeight / 3;
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches("button.row")) return;
    event.preventDefault();
    const buttons = this.lines.filter((line) => line.matches("button"));
    const next = buttons[buttons.indexOf(event.target) + step];
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}
