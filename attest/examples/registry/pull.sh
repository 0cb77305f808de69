#!/bin/sh
# What: fetch what registry/push.sh attached to a model, and verify it.
#   Usage: pull.sh REGISTRY/REPOSITORY@sha256:DIGEST FOLDER   (FOLDER: the model, as it was pulled)
# run: the verify command runs as it stands on keyless bundles of a Sigstore on the loopback, the
#   release's and others; the tar of a real run is unpacked and verifies.
# not run: oras and a registry.
set -eu
MODEL=$1
FOLDER=$2
REPOSITORY=${MODEL%@*}

referrer() {
  oras discover --format json --artifact-type "$1" "$MODEL" | jq -er '.referrers[0].digest'
}

oras pull "$REPOSITORY@$(referrer application/vnd.invarlock.run.v1+tar)"
oras pull "$REPOSITORY@$(referrer application/vnd.dev.sigstore.bundle.v0.3+json)"

mkdir run
tar --no-same-owner --no-same-permissions -xf run.tar -C run

invarlock verify attestation.sigstore.json --run run \
  --identity https://github.com/acme/models/.github/workflows/release.yml@refs/tags/v1.2.0 \
  --issuer https://token.actions.githubusercontent.com --require log --max-age 90d \
  --policy 'gate.invar#balanced+ci' --subject "$FOLDER"
