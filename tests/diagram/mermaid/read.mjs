// Reads Mermaid texts as Mermaid does: a JSON list of texts comes in; what each of them says, or what is wrong with it,
// goes out as a JSON list.

import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");
mermaid.initialize({ startOnLoad: false });

/** Mermaid keeps character codes under cover until it draws. */
const decoded = (text) =>
  text.replaceAll(/ﬂ°°(\d+)¶ß/g, (_, code) => String.fromCodePoint(code)).replaceAll(/<br\s*\/?>/g, "\n");

async function read(text) {
  try {
    await mermaid.parse(text);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    return {
      nodes: [...db.getVertices().values()].map(({ id, text }) => [id, decoded(text)]),
      edges: db.getEdges().map(({ start, end, text }) => [start, end, decoded(text)]),
      groups: db.getSubGraphs().map(({ id, title, nodes }) => [id, decoded(title), nodes]),
    };
  } catch (error) {
    return { error: error.message };
  }
}

const found = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) found.push(await read(text));
process.stdout.write(JSON.stringify(found));
