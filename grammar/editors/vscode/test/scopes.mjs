// Prints, as JSON, every token that the TextMate grammar makes of the files named, with its scopes:
// `node test/scopes.mjs GRAMMAR FILE…` → `{ FILE: [[line, start, text, [scope, …]], …] }`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import onigurumaModule from "vscode-oniguruma";
import textmate from "vscode-textmate";

const [grammarPath, ...files] = process.argv.slice(2);
const wasm = readFileSync(createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm"));
await onigurumaModule.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));

const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new onigurumaModule.OnigScanner(patterns),
    createOnigString: (text) => new onigurumaModule.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(readFileSync(grammarPath, "utf8"), grammarPath),
});
const grammar = await registry.loadGrammar("source.invar");

const found = {};
for (const file of files) {
  let stack = textmate.INITIAL;
  found[file] = [];
  readFileSync(file, "utf8")
    .split("\n")
    .forEach((line, number) => {
      const result = grammar.tokenizeLine(line, stack);
      stack = result.ruleStack;
      for (const { startIndex, endIndex, scopes } of result.tokens) {
        found[file].push([number, startIndex, line.slice(startIndex, endIndex), scopes]);
      }
    });
}
process.stdout.write(JSON.stringify(found));
