#!/bin/sh
# What: put a run and its attestation beside a model in an OCI registry, as referrers of the model.
#   Usage: push.sh REGISTRY/REPOSITORY@sha256:DIGEST   (the model's manifest; the run is in ./run)
#   application/vnd.invarlock.run.v1+tar            the run folder, as one reproducible tar
#   application/vnd.dev.sigstore.bundle.v0.3+json   the bundle, annotated with its predicate type
#   The registry says which model a referrer belongs to; that is found, never believed: verify
#   compares the signed root digest with the weights.
# run: the invarlock command lines are parsed by the command itself; two tars of a real run are equal,
#   and what comes out of one verifies.
# not run: oras and a registry. With regctl: regctl artifact put --subject "$MODEL" \
#   --artifact-type TYPE --file-media-type TYPE --file FILE
set -eu
MODEL=$1
case "$MODEL" in *@sha256:*) ;; *) echo "name the model by digest" >&2; exit 2 ;; esac

invarlock attest run --sigstore --out attestation.sigstore.json

tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=u=rwX,go=rX \
  --exclude=./attestation.sigstore.json -cf run.tar -C run .

oras attach --artifact-type application/vnd.invarlock.run.v1+tar \
  "$MODEL" run.tar:application/vnd.invarlock.run.v1+tar
oras attach --artifact-type application/vnd.dev.sigstore.bundle.v0.3+json \
  --annotation dev.sigstore.bundle.content=dsse-envelope \
  --annotation dev.sigstore.bundle.predicateType=https://invarlock.dev/evaluation/v1 \
  "$MODEL" attestation.sigstore.json:application/vnd.dev.sigstore.bundle.v0.3+json
