#!/usr/bin/env bash
# Builds llama-server and llama-bench from the llama.cpp source that node-llama-cpp carries, so that both sides of a comparison run
# the same llama.cpp version. Needs npm, git, cmake, ninja and g++; takes about 15 minutes of one core, once.
# JOBS=2 uses two cores.
set -euo pipefail
version=3.22.1
peers="$(cd "$(dirname "$0")/.." && pwd)/.peers"
mkdir -p "$peers"
cd "$peers"

if [ ! -d llama.cpp ]; then
  archive="$(npm pack --silent "node-llama-cpp@$version")"
  tar xzf "$archive" package/llama/gitRelease.bundle
  git -c advice.detachedHead=false clone --quiet package/llama/gitRelease.bundle llama.cpp
  rm -rf package "$archive"
fi

# Native code for this machine and OpenMP stay on, as upstream's defaults have it: the peer at its best.
cmake -S llama.cpp -B llama.cpp/build -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
  -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
nice -n 19 ninja -C llama.cpp/build -j "${JOBS:-1}" llama-server llama-bench
"llama.cpp/build/bin/llama-server" --version
