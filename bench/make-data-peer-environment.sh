#!/usr/bin/env bash
# Makes the Python environment of bench/loader.ts and bench/prepare.ts in the user's cache: Pillow, torchvision, TensorFlow (once; 6 GB, since
# PyPI's PyTorch for Linux brings CUDA along). Further arguments go to pip: where download.pytorch.org can be reached,
# `--extra-index-url https://download.pytorch.org/whl/cpu` gives the small CPU build.
# The benchmarks find it; GREEDYNAS_DATA_BENCH_PYTHON=<python> names another interpreter that has the three.
set -euo pipefail
case "${XDG_CACHE_HOME:-}" in /*) cache=$XDG_CACHE_HOME ;; *) cache=$HOME/.cache ;; esac
folder=$cache/greedynas/bench-data
command -v python3 >/dev/null || { echo 'python3 is missing: install Python 3.10 or later with venv and pip' >&2; exit 1; }
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/pip" install --quiet pillow==13.0.0 torch==2.15.0 torchvision==0.29.2 tensorflow-cpu==2.21.0 "$@"
"$folder/bin/python" -W ignore -c 'import PIL, torchvision; print("Pillow", PIL.__version__, "torchvision", torchvision.__version__)'
