// A second implementation of the digest of a policy, independent of the first.
//
//   node check.mjs IR...           reads intermediate forms (`invarlock policy compile`), prints one
//                                  JSON line for each: its digests, or why it is refused
//   node check.mjs --corpus DIR... reads the golden files of a corpus and holds their digests
//                                  against its own
//
// Exit 0 if all is well, 1 if one is refused or differs, 2 without arguments. Needs Node 18 or
// newer and nothing else.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { barDigest, policyDigests } from "./ir.mjs";
import { Refused, readJson } from "./json.mjs";

function digests(ir) {
  if (!(ir instanceof Map)) throw new Refused("no object");
  if (ir.get("ir") === "invarlock.bar/1") return { bar: barDigest(ir) };
  return policyDigests(ir);
}

function guarded(work) {
  try {
    return work();
  } catch (err) {
    if (err instanceof Refused) return { refused: err.message };
    throw err;
  }
}

function goldenFiles(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
    .map((entry) => join(folder, entry.name));
}

function golden(path) {
  const document = readJson(readFileSync(path));
  const found = digests(document.get("ir"));
  const bars = Object.fromEntries(document.get("bars"));
  const same = document.get("policy_digest") === found.policy
    && Object.keys(bars).length === Object.keys(found.bars).length
    && Object.entries(bars).every(([name, wanted]) => found.bars[name] === wanted);
  return same ? found : { refused: "the digests differ", ...found };
}

function main(given) {
  const corpus = given[0] === "--corpus";
  const files = corpus ? given.slice(1).flatMap(goldenFiles) : given;
  if (files.length === 0) {
    console.error("usage: node check.mjs IR... | --corpus DIR...");
    return 2;
  }
  let code = 0;
  for (const file of files) {
    const found = guarded(() => (corpus ? golden(file) : digests(readJson(readFileSync(file)))));
    if (found.refused !== undefined) code = 1;
    console.log(JSON.stringify({ file, ...found }));
  }
  return code;
}

process.exitCode = main(process.argv.slice(2));
