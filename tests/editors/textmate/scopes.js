// Colours texts as VS Code does: reads a grammar and a list of texts, writes the scopes of every piece of every line.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";

const { grammar, texts } = JSON.parse(readFileSync(0, "utf8"));
const wasm = createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm");
await oniguruma.loadWASM(readFileSync(wasm).buffer);
const registry = new textmate.Registry({
  onigLib: {
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  },
  loadGrammar: async () => textmate.parseRawGrammar(JSON.stringify(grammar), "netspec.json"),
});
const loaded = await registry.loadGrammar("source.netspec");
const coloured = texts.map((text) => {
  let stack = textmate.INITIAL;
  return text.split("\n").map((line) => {
    const { tokens, ruleStack } = loaded.tokenizeLine(line, stack);
    stack = ruleStack;
    return tokens.map(({ startIndex, endIndex, scopes }) => [line.slice(startIndex, endIndex), scopes.at(-1)]);
  });
});
process.stdout.write(JSON.stringify(coloured));
