// Strict JSON: what two readers could read differently is refused.
//
// Refused: invalid UTF-8, a byte order mark, duplicate keys, numbers that are not whole or leave
// ±(2^53 - 1), lone surrogates, nesting deeper than 64. An object becomes a Map, so that no key is
// special.

const MAX_DEPTH = 64;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?![0-9.eE])/y;
const BLANK = /[ \t\r\n]*/y;

export class Refused extends Error {}

export function readJson(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused("not UTF-8");
  }
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.match(BLANK);
  if (reader.at !== text.length) throw new Refused(`something follows at ${reader.at}`);
  return value;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }

  take(character) {
    this.match(BLANK);
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  need(character) {
    if (!this.take(character)) throw new Refused(`no \`${character}\` at ${this.at}`);
  }

  value(depth) {
    if (depth > MAX_DEPTH) throw new Refused(`nested deeper than ${MAX_DEPTH}`);
    this.match(BLANK);
    for (const [word, value] of [["null", null], ["true", true], ["false", false]]) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    if (this.text[this.at] === '"') return this.string();
    if (this.take("{")) return this.object(depth);
    if (this.take("[")) return this.array(depth);
    const number = this.match(NUMBER);
    if (number === null) throw new Refused(`no value at ${this.at}`);
    if (!Number.isSafeInteger(Number(number)) || number === "-0") {
      throw new Refused(`the number ${number} is not exact`);
    }
    return Number(number);
  }

  string() {
    const found = this.match(STRING);
    if (found === null) throw new Refused(`malformed string at ${this.at}`);
    const value = JSON.parse(found);
    if (LONE.test(value)) throw new Refused("lone surrogate in a string");
    return value;
  }

  object(depth) {
    const found = new Map();
    if (this.take("}")) return found;
    do {
      this.match(BLANK);
      const key = this.string();
      if (found.has(key)) throw new Refused(`duplicate key \`${key}\``);
      this.need(":");
      found.set(key, this.value(depth + 1));
    } while (this.take(","));
    this.need("}");
    return found;
  }

  array(depth) {
    const found = [];
    if (this.take("]")) return found;
    do {
      found.push(this.value(depth + 1));
    } while (this.take(","));
    this.need("]");
    return found;
  }
}
