#!/usr/bin/env bash
# Makes the Python environment of bench/peers/pytorch.py and timm_network.py in the user's cache (once; 5 GB, since PyPI's PyTorch for Linux brings CUDA along).
# Further arguments go to pip: where download.pytorch.org can be reached, `--extra-index-url https://download.pytorch.org/whl/cpu` gives the small CPU build.
# The benchmarks find it; GREEDYNAS_BENCH_PYTHON=<python> names another interpreter that has torch and timm.
set -euo pipefail
case "${XDG_CACHE_HOME:-}" in /*) cache=$XDG_CACHE_HOME ;; *) cache=$HOME/.cache ;; esac
folder=$cache/greedynas/bench-pytorch
command -v python3 >/dev/null || { echo 'python3 is missing: install Python 3.10 or later with venv and pip' >&2; exit 1; }
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/pip" install --quiet torch==2.15.0 torchvision==0.29.2 timm==1.0.31 "$@"
"$folder/bin/python" -W ignore -c 'import timm, torch; print("PyTorch", torch.__version__, "timm", timm.__version__)'
