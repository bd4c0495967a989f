# The one door to everything; CI calls the same targets.
# `make` alone lists them. Each builds .venv first if it is missing.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed
TESTS   ?= -n auto --dist worksteal

PREFIX  ?= /opt/jobarranger
CONFDIR ?= /etc/jobarranger
UNITDIR ?= /usr/lib/systemd/system
DESTDIR ?=

.DEFAULT_GOAL := help
.PHONY: help venv demo run server test fuzz year slow check format cover bench docs install dist clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): setup.cfg
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

venv: $(STAMP) ## build .venv with everything that is needed

demo: $(STAMP) ## start a server and an agent here, run the demo jobnet, stop both
	$(BIN)/python -m jobarranger.commands.demo

run: $(STAMP) ## the demo that stays: server and agent run on until Ctrl-C
	$(BIN)/python -m jobarranger.commands.demo --keep

server: $(STAMP) var/jobarg_server.conf ## a bare server with its files in ./var, until Ctrl-C
	test -e var/jobarg_server.db || $(BIN)/jobarg_db -c $(CURDIR)/var/jobarg_server.conf init
	$(BIN)/jobarg_server --foreground -c $(CURDIR)/var/jobarg_server.conf

var/jobarg_server.conf: conf/jobarg_server.conf
	mkdir -p -m 0755 var/tmp
	printf '%s\n' '# Made by `make server`; conf/jobarg_server.conf tells what can be set.' \
	    'DBType=sqlite' 'ListenIP=127.0.0.1' 'JaExecutionUser='"$$(id -un)" \
	    'DBFile=$(CURDIR)/var/jobarg_server.db' 'JaPidFile=$(CURDIR)/var/jobarg_server.pid' \
	    'JaLogFile=$(CURDIR)/var/jobarg_server.log' 'TmpDir=$(CURDIR)/var/tmp' \
	    'JaRuntimeDir=$(CURDIR)/var/run' 'JaStateDir=$(CURDIR)/var/state' > $@

# First all that can stand company, then those that measure, one by one. Status 5: nothing chosen.
test: $(STAMP) ## run all tests (those on MariaDB and PostgreSQL are skipped without them)
	$(BIN)/python -m pytest -m "not slow and not alone" $(TESTS) || test $$? -eq 5
	$(BIN)/python -m pytest -m alone $(TESTS) -n 0 || test $$? -eq 5

fuzz: $(STAMP) ## let strangers send what is wrong, large or many, for 10 minutes
	JOBARG_FUZZ_SECONDS=$${JOBARG_FUZZ_SECONDS:-600} $(BIN)/python -m pytest tests/fuzz/test_fuzz.py -s

year: $(STAMP) ## simulate a year of schedules on SQLite, and a month on the servers (minutes)
	JOBARG_TEST_DAYS=365 JOBARG_TEST_PRODUCTS=sqlite $(BIN)/python -m pytest tests/year -s
	JOBARG_TEST_DAYS=31 JOBARG_TEST_PRODUCTS=mariadb,postgresql $(BIN)/python -m pytest tests/year -s

slow: $(STAMP) ## run the tests that wait for real minutes
	$(BIN)/python -m pytest -m slow tests

check: $(STAMP) ## format, lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg

format: $(STAMP) ## let ruff format the code and fix what it safely can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

cover: $(STAMP) ## run the tests and report which lines they never reach
	$(BIN)/python -m pytest -m "not slow and not alone" $(TESTS) --cov --cov-report=term --cov-report=html

bench: $(STAMP) ## measure
	$(BIN)/python -m benchmarks

docs: $(STAMP) ## write the pages and samples that are made from the code
	$(BIN)/python -m jobarranger.config.document

install: ## install for good: $(DESTDIR)$(PREFIX), configuration, units and links
	$(PYTHON) -m venv $(DESTDIR)$(PREFIX)
	$(DESTDIR)$(PREFIX)/bin/python -m pip install --quiet --disable-pip-version-check .
	test -z '$(DESTDIR)' || grep -lIr '$(DESTDIR)' $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/pyvenv.cfg \
	    | xargs -r sed -i 's|$(DESTDIR)||g'
	install -d -m 0755 $(DESTDIR)$(CONFDIR)/alert $(DESTDIR)$(CONFDIR)/extendedjob \
	    $(DESTDIR)$(CONFDIR)/monitor \
	    $(DESTDIR)$(CONFDIR)/locale $(DESTDIR)$(UNITDIR) $(DESTDIR)/usr/lib/tmpfiles.d \
	    $(DESTDIR)/usr/lib/sysusers.d $(DESTDIR)/etc/logrotate.d $(DESTDIR)/usr/sbin \
	    $(DESTDIR)/usr/bin $(DESTDIR)$(PREFIX)/share/init.d
	# what people edit is never overwritten: a new version comes beside it as FILE.new
	set -e; keep() { if test -e "$$3" && ! cmp -s "$$2" "$$3"; then set -- "$$1" "$$2" "$$3.new"; fi; \
	    install -m "$$1" "$$2" "$$3"; }; \
	for name in jobarg_server jobarg_monitor jobarg_agentd; do \
	    keep 0640 conf/$$name.conf $(DESTDIR)$(CONFDIR)/$$name.conf; done; \
	keep 0755 conf/alert/jasender.sh $(DESTDIR)$(CONFDIR)/alert/jasender.sh; \
	keep 0755 conf/monitor/jasender_monitor.sh $(DESTDIR)$(CONFDIR)/monitor/jasender_monitor.sh; \
	keep 0644 conf/locale/logmessage_64BIT.txt $(DESTDIR)$(CONFDIR)/locale/logmessage_64BIT.txt
	install -m 0755 conf/extendedjob/*.sh $(DESTDIR)$(CONFDIR)/extendedjob/
	install -m 0644 conf/systemd/*.service $(DESTDIR)$(UNITDIR)/
	install -m 0644 conf/tmpfiles.d/jobarranger.conf $(DESTDIR)/usr/lib/tmpfiles.d/
	install -m 0644 conf/sysusers.d/jobarranger.conf $(DESTDIR)/usr/lib/sysusers.d/
	install -m 0644 conf/logrotate.d/* $(DESTDIR)/etc/logrotate.d/
	install -m 0755 conf/init.d/* $(DESTDIR)$(PREFIX)/share/init.d/
	for name in server monitor agentd; do \
	    ln -sf $(PREFIX)/bin/jobarg_$$name $(DESTDIR)/usr/sbin/; done
	for name in exec get release joblogput ctl def db; do \
	    ln -sf $(PREFIX)/bin/jobarg_$$name $(DESTDIR)/usr/bin/; done
	@echo 'Now: systemd-sysusers; systemd-tmpfiles --create jobarranger.conf;'
	@echo '     chgrp zabbix $(CONFDIR)/*.conf; systemctl daemon-reload'

dist: $(STAMP) ## build the wheel and the source archive into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	git archive --prefix=jobarranger/ -o dist/jobarranger-$$($(BIN)/python -c \
	    'import jobarranger; print(jobarranger.__version__)').tar.gz HEAD

clean: ## remove everything that was built, but not .venv
	rm -rf build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
