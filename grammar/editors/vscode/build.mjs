// Bundles the extension into dist/ and copies the grammar beside it: an extension can only point
// at files of its own folder.
import { copyFile, mkdir } from "node:fs/promises";
import { build } from "esbuild";

await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  target: "node18",
  format: "cjs",
  external: ["vscode"],
  minify: true,
  logLevel: "warning",
});
await mkdir("syntaxes", { recursive: true });
await copyFile("../invar.tmLanguage.json", "syntaxes/invar.tmLanguage.json");
