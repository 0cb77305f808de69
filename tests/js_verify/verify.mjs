// node verify.mjs INSTALLED BUNDLE --key PUB
// node verify.mjs INSTALLED BUNDLE --trusted-root ROOT --identity I --issuer S
//
// INSTALLED is a folder with sigstore-js in its node_modules. Prints type and digest of what was
// signed and exits 0, or says why not and exits 1.

import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [installed, file, ...options] = process.argv.slice(2);
const load = createRequire(resolve(installed, "package.json"));
const { bundleFromJSON } = load("@sigstore/bundle");
const { TrustedRoot } = load("@sigstore/protobuf-specs");
const { PolicyError, VerificationError, Verifier, toSignedEntity, toTrustMaterial } = load("@sigstore/verify");

const option = (name) => {
  const at = options.indexOf(name);
  return at < 0 ? undefined : options[at + 1];
};

// A certificate needs its log's promise, an entry in a log, and a time by either of two services.
function checkCertificate(entity) {
  const root = TrustedRoot.fromJSON(JSON.parse(readFileSync(option("--trusted-root"), "utf-8")));
  const literally = option("--identity").replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  new Verifier(toTrustMaterial(root)).verify(entity, {
    subjectAlternativeName: `^${literally}$`,
    extensions: { issuer: option("--issuer") },
  });
}

function checkKey(entity) {
  // The hint in a bundle is opaque, so every hint leads to the key that was named.
  const publicKey = createPublicKey(readFileSync(option("--key")));
  const find = () => ({ publicKey, validFor: () => true });
  const trust = toTrustMaterial(TrustedRoot.fromJSON({}), find);
  new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0 }).verify(entity);
}

try {
  const bundle = bundleFromJSON(JSON.parse(readFileSync(file, "utf-8")));
  (option("--key") ? checkKey : checkCertificate)(toSignedEntity(bundle));
  const { payload, payloadType } = bundle.content.dsseEnvelope;
  console.log(payloadType, createHash("sha256").update(payload).digest("hex"));
} catch (error) {
  if (!(error instanceof VerificationError || error instanceof PolicyError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
