#!/usr/bin/env bash
# The Python peers, each in its own virtual environment: the LiteLLM proxy, and FastAPI with uvicorn for the streaming stub.
# Versions are pinned; what pip reads (index, proxy, certificates) is the machine's own configuration.
set -euo pipefail
peers="$(cd "$(dirname "$0")/.." && pwd)/.peers"
mkdir -p "$peers"
cd "$peers"

install_into() {
  local folder="$1"
  shift
  [ -x "$folder/bin/python" ] || python3 -m venv "$folder"
  nice -n 19 "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

install_into fastapi 'fastapi==0.165.0' 'uvicorn[standard]==0.54.0'
install_into litellm 'litellm[proxy]==1.106.2'
