#!/usr/bin/env bash
# Three supernets of NAS-Bench-Macro's space at equal cost, ranked against the true accuracies, compared, and the paper's Table 3 on each.
#
#     bench/experiments/nas-bench-macro.sh <nas-bench-macro_cifar10.json> [folder for the results]
#
# Resumable: call it again after it was stopped. Hours on two cores; NETWORKS=100 for a quick look, RUNS="greedy" for one of them.
set -euo pipefail
cd "$(dirname "$0")/../.."
table=${1:?the JSON file of github.com/xiusu/NAS-Bench-Macro, gzipped or not}
results=${2:-checkpoints/nas-bench-macro-results}
networks=${NETWORKS:-600}
runs=${RUNS:-uniform fair greedy}
greedynas="node src/cli/greedynas.js"
mkdir -p "$results"
for run in $runs; do
  if [ -e "checkpoints/macro-$run/config.yaml" ]; then
    $greedynas train-supernet --run "macro-$run" --resume
  else
    $greedynas train-supernet --run "macro-$run" --config "configs/nas-bench-macro/$run.yaml"
  fi
  # Scored once, on all 5,000 held-out images; every command after the first only computes.
  rank="$greedynas rank --run macro-$run --networks $networks"
  $rank --score loss:1000 --against top1:5000 --json > "$results/$run-table3-loss.json"
  $rank --score top1:1000 --against top1:5000 --json > "$results/$run-table3-top1.json"
  $rank --score loss:1000 --benchmark nas-bench-macro --table "$table" --plot "$results/$run.svg" --json > "$results/$run.json"
  $rank --score top1:5000 --benchmark nas-bench-macro --table "$table" --json > "$results/$run-top1.json"
done
compare() { node --import tsx bench/experiments/compare-rankings.ts "$@"; }
for kind in "" -top1 -table3-loss -table3-top1; do
  echo
  # Table 3 has a truth of its own for each supernet: no two can be compared network by network.
  case $kind in
    -table3*) for run in $runs; do compare "$results/$run$kind.json"; done ;;
    *) compare $(for run in $runs; do echo "$results/$run$kind.json"; done) ;;
  esac
done
