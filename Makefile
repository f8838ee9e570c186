# greedynas: `make train-supernet` is the main job, `make test` the tests; both set everything up first.

# Knobs: make train-supernet CONFIG=configs/my.yaml RUN=mine ARGS='--set seed=7'
CONFIG ?=#        a run's YAML file (default: configs/cifar10.yaml)
DATA   ?=#        the folder of the data sets (default: data; CIFAR-10 is fetched into it)
RUN    ?=#        the run's name below checkpoints/ (training: default; search: the one worked on last)
FLOPS  ?=#        the limit of a search: 330M, 0.33G, 330000000 or none
PARAMS ?=#        another limit of a search: 5M
LATENCY ?=#       another limit of a search: 80ms (ARGS='--latency-table FILE')
METHOD ?=#        of a search: evolution, nsga2, regularized-evolution, random, weaknas or neural-predictor
SUBNET ?=#        a folder checkpoints/<run>/subnets/<id>
FORMAT ?=#        what to export to: savedmodel, onnx, safetensors, tfjs
ARGS   ?=#        further flags: --resume, --json, --set key=value

greedynas := node src/cli/greedynas.js
flags = $(if $(CONFIG),--config '$(CONFIG)') $(if $(DATA),--data '$(DATA)') $(if $(RUN),--run '$(RUN)') $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup train-supernet search evaluate retrain export test bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile
	@echo 'Knobs (make <target> KNOB=value):'
	@awk -F ' *\\?=# *' '/^[A-Z]+ +\?=#/ { printf "     %-16s %s\n", $$1, $$2 }' Makefile

# npm writes node_modules/.package-lock.json last, so it tells whether an install is whole and newer than the lock file.
# Of two makes at once in a fresh clone one installs, and the other waits for it.
node_modules/.package-lock.json: package-lock.json
	@flock package-lock.json sh -c 'test $@ -nt package-lock.json || { \
	  echo "npm ci --ignore-scripts" && npm ci --include=dev --ignore-scripts --no-audit --no-fund && touch $@; }' >&2

setup: node_modules/.package-lock.json ## npm packages, TensorFlow and its addon (does nothing when all is there)
	@node --import tsx src/engine/setup.ts

train-supernet: setup ## train a supernet [CONFIG=] [DATA=] [RUN=] [ARGS=]
	@$(greedynas) train-supernet $(flags)

search: setup ## search a trained supernet for subnets: FLOPS=330M [PARAMS=] [LATENCY=] [METHOD=] [RUN=] [ARGS=]
	@$(greedynas) search $(if $(FLOPS),--flops '$(FLOPS)') $(if $(PARAMS),--params '$(PARAMS)') \
	  $(if $(LATENCY),--latency '$(LATENCY)') $(if $(METHOD),--method '$(METHOD)') $(flags)

evaluate: setup ## score a subnet: SUBNET=<folder> [DATA=] [ARGS='--split test']
	@$(greedynas) evaluate $(if $(SUBNET),--subnet '$(SUBNET)') $(flags)

retrain: setup ## train a subnet to the end: SUBNET=<folder> [CONFIG=] [DATA=] [RUN=] [ARGS='--init scratch']
	@$(greedynas) retrain $(if $(SUBNET),--subnet '$(SUBNET)') $(flags)

export: setup ## write a subnet for other programs: SUBNET=<folder> FORMAT=onnx [ARGS='--fold']
	@$(greedynas) export $(if $(SUBNET),--subnet '$(SUBNET)') $(if $(FORMAT),--format '$(FORMAT)') $(ARGS)

# A set-up that fails is a failed test, so that the last line is always `N passed, N failed`.
test: ## types, lint, dead code, tests with coverage [ARGS='--grep pool']
	@$(MAKE) --no-print-directory setup || { echo '0 passed, 1 failed'; exit 1; }
	@node --import tsx test/run.ts $(ARGS)

bench: setup ## speed of a training step, against PyTorch where Python has it
	@for script in bench/*.ts; do node --import tsx "$$script" $(ARGS) || exit; done
