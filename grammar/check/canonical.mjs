// Canonical JSON (RFC 8785) of null, booleans, whole numbers, strings, arrays and Maps; and digests.

import { createHash } from "node:crypto";

// Strings and numbers are written as ECMAScript writes them, keys sorted by UTF-16 code units:
// both are what RFC 8785 sections 3.2.2 and 3.2.3 ask for, and what JavaScript does by itself.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof Map) {
    const pairs = [...value.keys()].sort().map((key) => {
      return `${JSON.stringify(key)}:${canonical(value.get(key))}`;
    });
    return `{${pairs.join(",")}}`;
  }
  return JSON.stringify(value);
}

export function digest(value) {
  return `sha256:${createHash("sha256").update(canonical(value), "utf8").digest("hex")}`;
}
