#!/bin/sh
# What: verify a run, then attach the verifier's summary and the evaluation's predicate to the image
#   that holds the model, for admission controllers that look at images.
#   Usage: attach.sh MODEL IMAGE@sha256:DIGEST   (MODEL: the folder unpacked from that image)
# run: the invarlock command line is parsed by the command itself, and jq takes the predicates out of
#   real bundles.
# not run: cosign, which needs a registry. Cosign makes a new statement about the image and signs
#   it with the gate's identity: an admission controller believes the gate, it recomputes nothing.
set -eu
MODEL=$1
IMAGE=$2
case "$IMAGE" in *@sha256:*) ;; *) echo "name the image by digest" >&2; exit 2 ;; esac

invarlock verify run --key release.pub --policy 'gate.invar#balanced+ci' --subject "$MODEL" \
  --summary summary.sigstore.json --summary-key gate.key --resource-uri "oci://$IMAGE"

jq -r .dsseEnvelope.payload summary.sigstore.json | base64 -d | jq .predicate > vsa.json
jq -r .dsseEnvelope.payload run/attestation.sigstore.json | base64 -d | jq .predicate > evaluation.json

cosign attest --yes --type https://slsa.dev/verification_summary/v1 --predicate vsa.json "$IMAGE"
cosign attest --yes --type https://invarlock.dev/evaluation/v1 --predicate evaluation.json "$IMAGE"
