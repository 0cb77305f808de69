// The intermediate form of a policy: every key known and present, every value well formed, every
// list in its one order. What passes here has one digest; see "The intermediate form" in
// ../REFERENCE.md.

import { canonical, digest } from "./canonical.mjs";
import { Refused } from "./json.mjs";

const DECIMAL = /^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const NAME = /^[a-z][a-z0-9_]*$/;
const DOTTED = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/;
const BAR = /^[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)?$/;
const GLOB = /^[!-~]{1,256}$/;
const PARTS = ["repository", "workflow", "ref", "issuer"];
const SPECIAL = /[\\^$.*+?()[\]{}|/]/gu;

export function policyDigests(policy) {
  exactly(policy, ["ir", "language", "task", "bars"], "the policy");
  is(policy.get("ir") === "invarlock.policy/1", "`ir` is not `invarlock.policy/1`");
  is(policy.get("language") === 1, "`language` is not 1");
  const task = text(policy.get("task"), DOTTED, "`task`");
  const bars = policy.get("bars");
  is(bars instanceof Map && bars.size > 0, "`bars` is no object of bars");
  const digests = new Map();
  for (const [name, bar] of bars) {
    text(name, BAR, "the name of a bar");
    is(bars.has(name.split("+")[0]), `\`${name}\` stands without its tier`);
    digests.set(name, barDigest(bar));
    is(bar.get("task") === task, `\`${name}\` has another task`);
  }
  const covered = new Map([["language", 1], ["task", task], ["bars", digests]]);
  return { policy: digest(covered), bars: Object.fromEntries(digests) };
}

export function barDigest(bar) {
  exactly(bar, ["ir", "task", "settings", "gates"], "the bar");
  is(bar.get("ir") === "invarlock.bar/1", "`ir` is not `invarlock.bar/1`");
  text(bar.get("task"), DOTTED, "`task`");
  const settings = bar.get("settings");
  is(settings instanceof Map, "`settings` is no object");
  for (const [name, value] of settings) {
    text(name, DOTTED, "the name of a setting");
    is(typeof value === "string", `\`${name}\` is no text`);
    is(NAME.test(value) || (DECIMAL.test(value) && value !== "-0"), `\`${name}\` is malformed`);
  }
  const gates = bar.get("gates");
  is(Array.isArray(gates) && gates.length > 0, "`gates` is no list of gates");
  ascending(gates.map(gateId), "gates");
  is(gates.some((gate) => gate.get("level") === "require"), "nothing is required");
  return digest(bar);
}

function gateId(gate) {
  exactly(gate, ["measure", "statistic", "target", "level", "relation"], "a gate");
  const measure = text(gate.get("measure"), DOTTED, "`measure`");
  one(gate.get("statistic"), ["estimate", "point"], "`statistic`");
  one(gate.get("level"), ["require", "warn"], "`level`");
  relation(gate.get("relation"));
  const name = measure + (gate.get("statistic") === "point" ? ".point" : "");
  const target = gate.get("target");
  if (target === null) return name;
  exactly(target, ["kind", "name"], "a target");
  const kind = one(target.get("kind"), ["slice", "family", "each"], "the kind of a target");
  const part = target.get("name");
  if (kind === "slice") {
    is(typeof part === "string" && part !== "" && [...part].length <= 64, "malformed slice");
    return `${name} on "${part}"`;
  }
  text(part, NAME, "a family");
  is(kind === "family" || part === "family", "`each` is of `family`");
  return kind === "each" ? `${name} on each ${part}` : `${name} on ${part}`;
}

function relation(found) {
  is(found instanceof Map, "a relation is no object");
  const kind = one(found.get("kind"), ["interval", "member", "signers"], "the kind of a relation");
  if (kind === "interval") interval(found);
  else if (kind === "member") member(found);
  else signers(found);
}

function interval(found) {
  exactly(found, ["kind", "low", "low_closed", "high", "high_closed"], "an interval");
  for (const end of ["low", "high"]) {
    const value = found.get(end);
    is(typeof found.get(`${end}_closed`) === "boolean", `\`${end}_closed\` is neither true nor false`);
    if (value === null) is(found.get(`${end}_closed`), `an absent \`${end}\` is closed`);
    else is(text(value, DECIMAL, `\`${end}\``) !== "-0", `\`${end}\` is -0`);
  }
  const [low, high] = [found.get("low"), found.get("high")];
  is(low !== null || high !== null, "an interval without ends says nothing");
  if (low === null || high === null) return;
  const order = compareDecimals(low, high);
  const closed = found.get("low_closed") && found.get("high_closed");
  is(order < 0 || (order === 0 && closed), "an interval is empty");
}

function member(found) {
  exactly(found, ["kind", "values"], "a set");
  const values = found.get("values");
  is(Array.isArray(values) && values.length > 0, "a set is no list of values");
  for (const value of values) {
    is(typeof value === "string", "a value is no text");
    is(NAME.test(value) || DIGEST.test(value), "a value is malformed");
  }
  ascending(values, "values");
}

function signers(found) {
  exactly(found, ["kind", "rules"], "signers");
  const rules = found.get("rules");
  is(Array.isArray(rules) && rules.length > 0, "`rules` is no list of rules");
  for (const rule of rules) {
    is(rule instanceof Map, "a rule is no object");
    if (one(rule.get("kind"), ["key", "workflow"], "the kind of a rule") === "key") {
      exactly(rule, ["kind", "key"], "a key");
      text(rule.get("key"), DIGEST, "`key`");
      continue;
    }
    exactly(rule, ["kind", ...PARTS], "a workflow");
    for (const part of PARTS) {
      const glob = text(rule.get(part), GLOB, `\`${part}\``);
      is(!glob.includes("**"), `\`${part}\` holds \`**\``);
    }
  }
  ascending(rules.map(canonical), "rules");
  for (const rule of rules) {
    is(!rules.some((other) => other !== rule && covers(other, rule)), "a rule covers another");
  }
}

// One rule in one rule: where the narrow one has a star, the wide one must have one that takes it.
// A character that stands in neither tells whether it does.
function covers(wide, narrow) {
  if (wide.get("kind") === "key" || narrow.get("kind") === "key") return false;
  return PARTS.every((part) => {
    const pieces = wide.get(part).split("*").map((piece) => piece.replace(SPECIAL, "\\$&"));
    const pattern = new RegExp(`^${pieces.join("[^/]*")}$`, "su");
    return pattern.test(narrow.get(part).replaceAll("*", "\u0000"));
  });
}

// Decimals as digits: whole parts and fractions are padded to one width and compared as texts.
function compareDecimals(a, b) {
  const sign = (a.startsWith("-") ? -1 : 1) - (b.startsWith("-") ? -1 : 1);
  if (sign !== 0) return sign;
  const [wholeA, partA = ""] = a.replace("-", "").split(".");
  const [wholeB, partB = ""] = b.replace("-", "").split(".");
  const whole = Math.max(wholeA.length, wholeB.length);
  const part = Math.max(partA.length, partB.length);
  const x = wholeA.padStart(whole, "0") + partA.padEnd(part, "0");
  const y = wholeB.padStart(whole, "0") + partB.padEnd(part, "0");
  const order = x < y ? -1 : x > y ? 1 : 0;
  return a.startsWith("-") ? -order : order;
}

// By Unicode code points, which is the order of the UTF-8 bytes.
function ascending(texts, what) {
  const bytes = texts.map((one) => Buffer.from(one, "utf8"));
  for (let place = 1; place < bytes.length; place += 1) {
    is(Buffer.compare(bytes[place - 1], bytes[place]) < 0, `${what} are out of order, or doubled`);
  }
}

function exactly(found, keys, what) {
  is(found instanceof Map, `${what} is no object`);
  for (const key of keys) is(found.has(key), `${what} lacks \`${key}\``);
  is(found.size === keys.length, `${what} has an unknown key`);
}

function text(value, pattern, what) {
  is(typeof value === "string" && pattern.test(value), `${what} is malformed`);
  return value;
}

function one(value, words, what) {
  is(words.includes(value), `${what} is unknown`);
  return value;
}

function is(holds, message) {
  if (!holds) throw new Refused(message);
}
