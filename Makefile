# What a developer or a curious user types. `make help` lists it.
#
# Everything lives in .venv, installed from requirements.txt by hash. PYTHON=… picks
# another interpreter; else the first Python >= 3.11 on PATH is taken.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCKED := $(VENV)/.locked
# One more than the cores of a small machine, for tests of programs wait for much of their time;
# and no more, however many cores there are: such a test has many programs at work already.
PYTEST_WORKERS ?= -n 3 --dist loadfile --no-loadscope-reorder
PYTEST_ARGS ?=
BENCH_ARGS ?=
LOCK_ARGS ?=
FILES ?= 50
FUZZ ?= 60
SECONDS := 600
MINUTES ?= 60
CHAOS_ARGS ?=
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start hundreds of processes, and compiling takes each of them longer than all else.
unexport PYTHONDONTWRITEBYTECODE

# A name on PATH is not enough: pyenv has shims that only print an error. The system's own
# Python goes first, for it is built with profiling and runs this a sixth faster than a plain build.
USABLE := import sys; from importlib.util import find_spec as f; \
    sys.exit(sys.version_info < (3, 11) or not (f("ensurepip") or f("pip")))

define FIND_PYTHON
python=; \
for each in $(or $(PYTHON),/usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11); do \
    if "$$each" -c '$(USABLE)' 2>/dev/null; then \
        python=$$each; break; \
    fi; \
done; \
if [ -z "$$python" ]; then \
    echo "txbalancer needs Python 3.11 or later with pip; none was found" \
        "$(if $(PYTHON),as $(PYTHON),on PATH). Set PYTHON=/path/to/python3." >&2; \
    exit 1; \
fi
endef

# Debian's python3 has no ensurepip without its python3-venv package; its pip can
# still install into a bare environment from outside.
define MAKE_VENV
if "$$python" -m venv --clear $(1) >/dev/null 2>&1; then \
    pip="$(1)/bin/python -m pip"; \
elif "$$python" -m pip --version >/dev/null 2>&1 \
    && "$$python" -m venv --clear --without-pip $(1); then \
    pip="$$python -m pip --python $(1)/bin/python"; \
else \
    echo "$$python has neither ensurepip nor pip: install python3-venv or python3-pip." >&2; \
    exit 1; \
fi
endef

.PHONY: help
help:
	@echo "make demo    start a balancer with three members and print what to try"
	@echo "make test    run every test (PYTEST_ARGS=… are passed on)"
	@echo "make differential  compare with Apache at length: FILES=… made-up files of each kind"
	@echo "make fuzz    make up bytes for all that reads bytes: FUZZ=… seconds for each target"
	@echo "make chaos   faults at random under mixed load: SECONDS=600 CHAOS_ARGS=\"--seed N\""
	@echo "make slow    10,000 slow clients, and how others are served meanwhile"
	@echo "make soak    an hour of mixed load, and what becomes of memory: MINUTES=60"
	@echo "make lint    ruff check, ruff format --check, codespell"
	@echo "make types   mypy"
	@echo "make cover   tests with branch coverage"
	@echo "make bench   compare with Apache, HAProxy, nginx and Caddy (BENCH_ARGS=…)"
	@echo "make docs    write what is generated in docs/ and etc/ anew"
	@echo "make html    the manual for a browser, in docs/_build/html"
	@echo "make dist    build dist/*.tar.gz and dist/*.whl"
	@echo "make deb     build dist/*.deb, for the release of Debian that this is"
	@echo "make lock    write both requirements.txt anew from setup.cfg"
	@echo "make clean   remove what the above made"

$(LOCKED): requirements.txt
	@$(FIND_PYTHON); echo "Installing into $(VENV) with $$($$python --version) …"; \
	$(call MAKE_VENV,$(VENV)); \
	$$pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(READY): $(LOCKED) setup.cfg pyproject.toml
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: venv
venv: $(READY)

.PHONY: demo
demo: $(READY)
	@exec $(BIN)/python -m txbalancer.demo

.PHONY: test
test: $(READY)
	@$(BIN)/python -m pytest $(PYTEST_WORKERS) $(PYTEST_ARGS)

.PHONY: cover
cover: $(READY)
	@$(BIN)/python -m coverage run -m pytest $(PYTEST_ARGS)
	@$(BIN)/python -m coverage report

.PHONY: differential
differential: $(READY)
	@TXB_REQUIRE_PEERS=1 TXB_DIFFERENTIAL=$(FILES) $(BIN)/python -m pytest tests/differential \
	    $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: $(READY)
	@$(BIN)/python -m pip install --quiet --only-binary=:all: "atheris >=3.0, <4" \
	    || echo "There is no atheris for this Python: slower, without."
	@status=0; $(BIN)/python -m tests.fuzz --seconds $(FUZZ) || status=1; \
	$(BIN)/python -m tests.fuzz.verdicts --seconds $(FUZZ) || status=1; exit $$status

.PHONY: chaos
chaos: $(READY)
	@exec $(BIN)/python -m tests.chaos --seconds $(SECONDS) $(CHAOS_ARGS)

.PHONY: slow
slow: $(READY)
	@exec $(BIN)/python -m tests.chaos.slow

.PHONY: soak
soak: $(READY)
	@exec $(BIN)/python -m tests.chaos.soak --minutes $(MINUTES)

.PHONY: lint
lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell

.PHONY: types
types: $(READY)
	@$(BIN)/mypy

.PHONY: bench
bench: $(READY)
	@exec $(BIN)/python -m bench $(BENCH_ARGS)

.PHONY: docs
docs: $(READY)
	@$(BIN)/python -m txbalancer.config.reference > docs/reference.rst.new
	@mv docs/reference.rst.new docs/reference.rst
	@$(BIN)/python -m tests.differential.settle
	@$(BIN)/python -m txbalancer.config.httpd.manual > docs/parameters.rst.new
	@mv docs/parameters.rst.new docs/parameters.rst
	@$(BIN)/python -m txbalancer.control.metrics.manual > docs/metrics.rst.new
	@mv docs/metrics.rst.new docs/metrics.rst
	@$(BIN)/python -m txbalancer.control.metrics.dashboards etc
	@$(BIN)/python -m tests.control.cli.manual
	@$(BIN)/python -m txbalancer.manpages etc/man
	@$(BIN)/txbalancer completion bash > etc/completion/txbalancer.bash
	@$(BIN)/txbalancer completion zsh > etc/completion/_txbalancer
	@$(BIN)/txbalancer completion fish > etc/completion/txbalancer.fish

.PHONY: html
html: $(READY)
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo docs/_build/html/index.html

.PHONY: dist
dist: $(READY)
	@rm -rf build dist
	@$(BIN)/python -m build --no-isolation
	@$(BIN)/python -m twine check --strict dist/*

# From the sdist, so that nothing gets in that is not in there. The interpreter is Debian's.
.PHONY: deb
deb: dist
	@rm -rf build/deb && mkdir -p build/deb && tar -xzf dist/*.tar.gz -C build/deb --strip-components 1
	@cp -r build/deb/etc/debian build/deb/debian && cp -r dist build/deb/dist
	@cd build/deb && PATH=/usr/bin:/bin PIP="$(abspath $(BIN))/python -m pip" \
	    dpkg-buildpackage --build=binary --no-sign
	@mv build/*.deb dist
	@lintian --allow-root --fail-on error dist/*.deb
	@ls dist/*.deb

# In an environment of its own, so that no leftover of .venv can slip in. Versions that
# are still allowed stay; LOCK_ARGS=--upgrade takes the newest. etc/requirements.txt is the part
# of it that the installed product needs: for packages and images.
.PHONY: lock
lock:
	@$(FIND_PYTHON); $(call MAKE_VENV,.lock-venv); $$pip install --quiet pip-tools==7.6.2
	@CUSTOM_COMPILE_COMMAND="make lock" .lock-venv/bin/python -m piptools compile --quiet \
	    --extra dev --generate-hashes --allow-unsafe --strip-extras \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    $(LOCK_ARGS) --output-file requirements.txt setup.cfg
	@CUSTOM_COMPILE_COMMAND="make lock" .lock-venv/bin/python -m piptools compile --quiet \
	    --constraint requirements.txt --generate-hashes --strip-extras \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --output-file etc/requirements.txt setup.cfg
	@rm -rf .lock-venv

.PHONY: clean
clean:
	@rm -rf $(VENV) .lock-venv build dist docs/_build *.egg-info .coverage htmlcov _trial_temp* \
	    .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find . -name dropin.cache -delete
