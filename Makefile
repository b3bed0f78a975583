# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON  ?= $(shell command -v python3.11 || command -v python3)
VENV    ?= .venv
TORCH   ?= torch==2.14.1 torchvision==0.29.1
WORKERS ?= 2
MUTANTS ?= 1000
KILLS   ?= 50
SPEC    ?= benchmarks/specs/cpu/split_cifar100.toml
OUT     ?= results/$(patsubst benchmarks/specs/%.toml,%,$(SPEC))

PY    := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# One thread a process: two threads in each of two processes is many times slower.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

.PHONY: help setup demo test test-ray test-slurm test-report damage torture lint format compare tune digits cpu ablations as-released doctor \
        paper-cifar100 paper-5datasets paper-miniimagenet paper-tables plan data tables plots report fidelity metrics readme speed scale patches clean

help: ## what each target does
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv once, with pinned versions (TORCH=... picks another build)

$(STAMP): pyproject.toml constraints.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -qq -c constraints.txt $(TORCH)
	$(PY) -m pip install -qq -c constraints.txt -e ".[bench,dev]"
	touch $@

demo: $(STAMP) ## seven strategies x 3 seeds on scikit-learn's digits: table, figures, report
	$(PY) -m benchmarks sweep benchmarks/specs/demo.toml --out results/demo --workers $(WORKERS)
	$(PY) -m benchmarks tables results/demo
	$(PY) -m benchmarks plots results/demo
	$(PY) -m benchmarks report results/demo

test: $(STAMP) ## all tests, under 10 minutes on two cores
	$(PY) -m pytest -n 2

test-ray: $(STAMP) ## the tests on a Ray cluster of two nodes on this machine; installs the extra ray
	$(PY) -c "import ray" 2>/dev/null || $(PY) -m pip install -qq -c constraints.txt -e ".[ray]"
	$(PY) -m pytest -m ray tests/benchmarks/test_ray*.py

test-slurm: $(STAMP) ## the executor slurm on a SLURM of its own, minutes; as root it installs what is absent
	@$(PY) -c "import submitit" 2>/dev/null || $(PY) -m pip install -qq -c constraints.txt -e ".[slurm]"
	@for program in munged slurmctld slurmd sbatch; do \
	    command -v $$program >/dev/null && continue; \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
	            --no-install-recommends slurmctld slurmd slurm-client munge >/dev/null; \
	    else echo "no $$program here: install slurmctld slurmd slurm-client munge; the tests skip"; fi; \
	    break; done
	$(PY) -m pytest -m slurm -rs tests/benchmarks/test_slurm*.py

# What the tests of reporting need beside Python: a browser with its driver, a LaTeX, a PDF reader.
REPORT_PACKAGES := chromium chromium-driver texlive-latex-base texlive-latex-recommended poppler-utils

test-report: $(STAMP) ## the report in a real browser, the tables in a real LaTeX; as root it installs what is absent
	@$(PY) -c "import selenium" 2>/dev/null || $(PY) -m pip install -qq -c constraints.txt -e ".[browser]"
	@for program in chromium chromedriver pdflatex pdftotext; do \
	    command -v $$program >/dev/null && continue; \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
	            --no-install-recommends $(REPORT_PACKAGES) >/dev/null; \
	    else echo "no $$program here: install $(REPORT_PACKAGES); the tests skip"; fi; \
	    break; done
	$(PY) -m pytest -rs tests/reporting/test_report_browser.py tests/reporting/test_latex_compiled.py

damage: $(STAMP) ## a thousand damaged records, checkpoints and specs, minutes (MUTANTS=... tries others)
	NESS_MUTANTS=$(MUTANTS) $(PY) -m pytest tests/benchmarks/test_damage_*.py

torture: $(STAMP) ## kill a sweep at fifty random moments, a quarter of an hour (KILLS=... tries others)
	NESS_KILLS=$(KILLS) $(PY) -m pytest tests/benchmarks/test_torture.py

lint: $(STAMP) ## ruff, mypy, import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(STAMP) ## put the code into ruff's form
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

compare: $(STAMP) ## run SPEC=... into OUT=... (SWEEP="--set ..."), goes on where it stopped; failed runs are rows
	$(PY) -m benchmarks sweep $(SPEC) --out $(OUT) --workers $(WORKERS) $(SWEEP); status=$$?; \
	    [ $$status -le 1 ] || exit $$status; \
	    $(PY) -m benchmarks tables $(OUT) && $(PY) -m benchmarks plots $(OUT) && \
	    $(PY) -m benchmarks report $(OUT) && exit $$status

tune: $(STAMP) ## [tune] of SPEC=... on validation images: OUT=.../tuned.toml
	$(PY) -m benchmarks tune $(SPEC) --out $(OUT) --workers $(WORKERS) $(SWEEP)

CPU      := split_cifar10 split_cifar100 split_cifar100_20 split_miniimagenet four_datasets \
            split_mnist split_fmnist permuted_mnist rotated_mnist
ABLATIONS := $(notdir $(basename $(wildcard benchmarks/specs/ablations/*.toml)))

data: $(STAMP) ## put the image data sets of FROM=... into the cache; without it, download them
ifdef FROM
	$(PY) -m benchmarks data import $(FROM)
else
	$(PY) -m benchmarks data fetch --all
endif

cpu: $(STAMP) ## the CPU preset of every stream of images, hours (SWEEP="--set seeds=[1]" runs less)
	@status=0; for spec in $(CPU); do \
	    $(MAKE) compare SPEC=benchmarks/specs/cpu/$$spec.toml || status=1; done; exit $$status

ablations: $(STAMP) ## what each part of NESS is worth, on CIFAR-100 at CPU size; hours
	@status=0; for spec in $(ABLATIONS); do \
	    $(MAKE) compare SPEC=benchmarks/specs/ablations/$$spec.toml || status=1; done; exit $$status

paper-cifar100: $(STAMP) ## the papers' CIFAR-100, every method x 5 seeds, on a GPU
	$(MAKE) compare SPEC=benchmarks/specs/paper/cifar100.toml

paper-5datasets: $(STAMP) ## the papers' 5-datasets, every method x 5 seeds, on a GPU
	$(MAKE) compare SPEC=benchmarks/specs/paper/five_datasets.toml

paper-miniimagenet: $(STAMP) ## the papers' miniImageNet, every method x 5 seeds, on a GPU
	$(MAKE) compare SPEC=benchmarks/specs/paper/miniimagenet.toml

PAPER := cifar100 five_datasets miniimagenet

paper-tables: $(STAMP) ## tables and figures of what has been run of the papers', beside published numbers
	@for name in $(PAPER); do out=results/paper/$$name; \
	    if [ -d $$out/runs ]; then \
	        $(PY) -m benchmarks tables $$out && $(PY) -m benchmarks plots $$out || exit 1; \
	        $(PY) -m benchmarks check $$out || [ $$? -eq 1 ] || exit 1; \
	    else echo "$$out: nothing has been run; benchmarks/specs/paper/$$name.toml is its spec"; fi; done

plan: $(STAMP) ## hours and memory that SPEC=... will take, by method
	$(PY) -m benchmarks plan $(SPEC) --out $(OUT) --workers $(WORKERS) $(SWEEP)

SMALL    := benchmarks/specs/cpu/split_cifar100_small.toml
FAULTS   := ness:nan_freezes ness:first_task_only gpm:one_less trgp:drops_strongest \
            trgp:trains_norms dfgp:swapped_labels adam_nscl:noise_floor
RELEASED := results/cpu/as_released

digits: $(STAMP) ## every method on digits: task-, class- and domain-incremental, minutes
	-for scenario in til cil dil; do \
	    $(MAKE) compare SPEC=benchmarks/specs/cpu/digits_$$scenario.toml; done
	$(PY) -m benchmarks sweep benchmarks/specs/cpu/digits_til.toml --workers $(WORKERS) \
	    --out results/cpu/digits_tighter --set 'strategies=["frozen", "inflora"]' \
	    --set strategy.inflora.threshold=0.99 --set strategy.inflora.increment=0.0
	$(PY) -m benchmarks tables results/cpu/digits_tighter
	$(PY) -m benchmarks plots results/cpu/digits_tighter

as-released: $(STAMP) ## what the faults of the authors' codes are worth, one by one; half an hour
	$(PY) -m benchmarks sweep $(SMALL) --out $(RELEASED) --workers $(WORKERS) --set seeds=[1] \
	    --set 'strategies=["frozen", "ness", "gpm", "trgp", "dfgp", "adam_nscl"]'
	for fault in $(FAULTS); do \
	    $(PY) -m benchmarks sweep $(SMALL) --out $(RELEASED) --workers $(WORKERS) --set seeds=[1] \
	        --set "strategies=[\"$${fault%%:*}\"]" \
	        --set "strategy.$${fault%%:*}.as_released=[\"$${fault##*:}\"]" || exit 1; done
	for faults in '' '"threshold_beyond_one"'; do \
	    $(PY) -m benchmarks sweep $(SMALL) --out $(RELEASED)_20_tasks --workers $(WORKERS) \
	        --set seeds=[1] --set 'strategies=["gpm"]' --set stream_args.tasks=20 \
	        --set stream_args.classes_per_task=5 --set strategy.gpm.threshold=0.965 \
	        --set "strategy.gpm.as_released=[$$faults]" || exit 1; done
	for out in $(RELEASED) $(RELEASED)_20_tasks; do \
	    $(PY) -m benchmarks tables $$out && $(PY) -m benchmarks plots $$out || exit 1; done

# Without the stamp: it is what failed, perhaps.
doctor: ## what is off with the installation, data and folders (DATA=...), and how to mend it
	@$(if $(wildcard $(PY)),$(PY),$(PYTHON)) -m benchmarks doctor --out $(OUT) --workers $(WORKERS) \
	    $(if $(DATA),--data $(DATA))

tables: $(STAMP) ## tables of OUT=...
	$(PY) -m benchmarks tables $(OUT)

plots: $(STAMP) ## figures of OUT=...
	$(PY) -m benchmarks plots $(OUT)

report: $(STAMP) ## OUT=.../report.html: tables, figures and every run in one file
	$(PY) -m benchmarks report $(OUT)

fidelity: $(STAMP) ## write docs/fidelity.md from the docstrings of the methods
	$(PY) -m benchmarks fidelity

metrics: $(STAMP) ## write docs/metrics.md from the docstrings of the metrics
	$(PY) -m benchmarks metrics

readme: $(STAMP) ## the demo's result into README.md, from results/cpu/demo
	$(MAKE) tune compare SPEC=benchmarks/specs/demo.toml OUT=results/cpu/demo
	$(PY) -m benchmarks readme

speed: $(STAMP) ## what NESS and the harness cost as ratios, twenty minutes (SPEED="--only step")
	$(PY) -m benchmarks speed $(SPEED)

patches: $(STAMP) ## what a share of a convolution's windows (patch_share) does to NESS's basis, minutes; CIFAR-100
	$(PY) -m benchmarks patches

scale: $(STAMP) ## how cost grows with tasks, width, samples (SCALE="--only ..."); two cores; precisions; an hour
	$(PY) -m benchmarks scale $(SCALE)
	$(MAKE) compare SPEC=benchmarks/specs/ablations/precision.toml

clean: ## remove the environment and caches; results stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
