# make demo         run the demo workflow into demo-output/
# make test         everything: make check, then all tests, with the lab brought up around them    [PARTS="docker"]
# make check        style, types, import floors and the project's own rules
# make conformance  the whole CWL v1.2 conformance suite    [WAY=local|shell|ssh|slurm or ENGINE=docker|podman|apptainer] [JOBS=2]
# make soak         the whole conformance suite on every way to run, ten thousand jobs of a cluster, runs that are killed at every point of
#                   theirs and long outages, then about an hour of generated tests    [HYFLOW_SOAK_FACTOR=20]
# make bench        hyflow beside cwltool, StreamFlow and Toil, about an hour; writes docs/performance.md    [QUICK=1]
# make lab          bring up the services that tests run against (tests/lab), as root on Debian    [PARTS="docker ssh"]
# make lab-down     take them down
# make clean        remove all that the above have made; what the lab has built stays in /var/cache/hyflow-lab
#
# Needs Python 3.11 or newer. PYTHON=/path/to/python chooses one. Everything is installed into .venv, which is made anew when
# pyproject.toml or constraints.txt has changed.

JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# One more than there are processors: tests that wait for other machines leave theirs to others.
WORKERS ?= $(shell expr $(JOBS) + 1)
WAY ?= local
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt

# The parts of the lab, as its scripts read them: all where none are named.
PARTS ?=
export PARTS

# Tests that what is generated and kept (schemas, manual pages) is what the code would make of it now.
DRIFT := tests/cli/test_cli_deployment.py::test_the_schemas_in_the_repository_are_those_of_the_code \
         tests/cli/test_cli_help.py::test_the_manual_pages_in_the_repository_are_those_of_the_code

# Tests that kill runs, starve them, cut them off, tell them to stop, each at a sample of their points; make soak tries them all.
CRASHES := $(addprefix tests/cli/test_cli_,crashes.py crash_containers.py crash_signals.py crash_ssh.py crash_slurm.py slurm_queue.py slurm_trouble.py ssh_cuts.py take_over.py)
# Tests that try one way of several that come to the same code (tests/support/thorough.py); make soak tries them all.
SAMPLED := tests/cli/test_cli_reuse_containers.py tests/connectors/local/test_local_engines.py

# The tools of the demo and of the tests run the python3 that comes first here.
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Tests start hyflow some thousand times: what Python has made of its modules is kept (in __pycache__), whatever the caller's habits.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test pytest check conformance soak bench lab lab-down clean
.DELETE_ON_ERROR:

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

demo: .venv/made-run
	@mkdir -p demo-output
	$(BIN)/hyflow run workflows/digits/workflow.cwl workflows/digits/job.yml --container none --outdir demo-output > demo-output/output.json
	@$(BIN)/python workflows/digits/summary.py demo-output/output.json

test: check
	@sh tests/lab/packages.sh
	@sh tests/lab/with.sh $(MAKE) --no-print-directory pytest

# Generated examples are always the same ones here (the order of sets decides among them too); make soak draws new ones.
pytest: .venv/made-test
	PYTHONHASHSEED=0 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --ignore tests/conformance
	JOBS=$(JOBS) $(BIN)/python -m pytest -q -s tests/conformance

check: .venv/made-test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_project.py tests/cli/test_cli_docs.py $(DRIFT)

conformance: .venv/made-test
	$(if $(ENGINE)$(filter ssh% slurm%,$(WAY)),@sh tests/lab/with.sh) $(BIN)/python tests/conformance/run.py --way $(or $(ENGINE),$(WAY)) --jobs $(JOBS)

soak: .venv/made-test
	$(BIN)/python tests/conformance/run.py --way local --jobs $(JOBS)
	$(BIN)/python tests/conformance/run.py --way shell --jobs $(JOBS)
	@for way in docker podman apptainer ssh ssh-docker ssh-apptainer slurm slurm-bare slurm-apptainer; do \
	    sh tests/lab/with.sh $(BIN)/python tests/conformance/run.py --way $$way --jobs $(JOBS) || exit; done
	sh tests/lab/with.sh $(BIN)/python tests/benchmarks/queues.py --jobs 0 --large 10000
	HYFLOW_THOROUGH=1 HYFLOW_CRASH_EVERY=1 HYFLOW_CRASH_ASLEEP=150 HYFLOW_CUTS=100 HYFLOW_CONTROLLER_AWAY=300 sh tests/lab/with.sh $(BIN)/python -m pytest -q -n $(JOBS) --dist load $(CRASHES)
	HYFLOW_THOROUGH=1 sh tests/lab/with.sh $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile $(SAMPLED)
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -q -n $(JOBS) --dist load tests/fuzz tests/cwl/test_differential.py tests/engine/test_state_model.py

bench: .venv/made-test
	$(BIN)/python tests/benchmarks/run.py $(if $(QUICK),--quick)

lab:
	@bash tests/lab/lab.sh up $(PARTS)

lab-down:
	@bash tests/lab/lab.sh down $(PARTS)

clean: lab-down
	rm -rf .venv .bench .lab demo-output build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# hatchling is installed first and used as it is, so that what builds hyflow is pinned like the rest.
.venv/made-run: pyproject.toml constraints.txt
	@python=$$(sh -c "$$FIND_PYTHON" find-python '$(PYTHON)') && echo "Setting up .venv with $$python" && "$$python" -m venv --clear .venv
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation --editable '.[demo]'
	@touch $@

.venv/made-test: .venv/made-run
	@echo "Adding what the tests need"
	@$(PIP) --no-build-isolation --editable '.[demo,test]'
	@touch $@

# Prints the first Python that is new enough and can make environments: the one that was asked for, or the first on the PATH.
# Never the one in an environment: .venv must not stand on itself.
define FIND_PYTHON
PATH=$${PATH#*/.venv/bin:}
asked=$$1
if [ -z "$$asked" ]; then set -- python3 python3.13 python3.12 python3.11; fi
for python in "$$@"; do
    "$$python" -c 'import ensurepip, sys, venv; sys.version_info >= (3, 11) or sys.exit(1); print(sys._base_executable)' 2>/dev/null && exit
done
echo "hyflow needs Python 3.11 or newer with its venv module, and found none ($${asked:-looked for $$*})." >&2
echo "Install one (on Debian and Ubuntu: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python ..." >&2
exit 1
endef
export FIND_PYTHON
