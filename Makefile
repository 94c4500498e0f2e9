# Every target begins with the same set-up and skips what is done already: chatsite/bootstrap/.
# Variables: PORT, HOST (make run PORT=9000), PYTHON, ARGS (make test ARGS="-k socket").

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
endif
ifeq ($(PYTHON),)
PYTHON := python3
endif

.PHONY: run cluster test check bench chaos lock

run: ## set up, and serve the site
	@exec $(PYTHON) -m chatsite.bootstrap run

cluster: ## set up, and serve with PostgreSQL, Redis, two web processes and two workers
	@exec $(PYTHON) -m chatsite.bootstrap cluster

test: ## set up, and run every test
	@exec $(PYTHON) -m chatsite.bootstrap test $(ARGS)

check: ## everything that can be told without running: types, style, templates
	@exec $(PYTHON) -m chatsite.bootstrap check

bench: ## what streaming costs, next to a bare relay on the same machine
	@exec $(PYTHON) -m chatsite.bootstrap bench $(ARGS)

chaos: ## people chat while processes and connections die; what was seen must stay
	@exec $(PYTHON) -m chatsite.bootstrap chaos $(ARGS)

lock: ## choose newer versions of the Python packages and write requirements*.txt
	@exec $(PYTHON) -m chatsite.bootstrap lock
