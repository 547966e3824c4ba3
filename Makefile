# make demo          the main job on two embedded servers: nothing to install; the first build takes up to a minute and prints nothing
# make demo DSN=...  the harmless part of it on a server of yours
# make demo-mariadb  all of it on a replicating pair of MariaDB servers; make demo-mysql: of MySQL servers
# make test          everything: checks, all tests under the race detector, every benchmark once
# make test-compat   go-sql-driver's own tests over sessions, ORMs, and a second opinion on the classifier; a minute
# make test-clusters Group Replication and Galera under load: switches, kills, pauses, and how long nothing was acknowledged; two minutes
# make test-vitess   sessions and pools over a real vtgate, which it builds first (147 MB of modules, three to five minutes); then two minutes for the tests
# make check         formatting, vet, go.mod files, what the core imports
# make bench         weir against ten other pools, 20 minutes; make bench-quick: a minute of the main workloads
# make bench-sessions  sessions over few connections against database/sql and the raw driver, six minutes; SERVER=mysql: on MySQL
# make chaos, fuzz   half a minute of random faults on real servers; a minute of random histories, and one of texts for the lexer
# make history       on both families: ten minutes of a hundred sessions on five connections, each of which must read back its own state; then 100,000
#                    random statements, on sessions and on one stock connection each, which must all answer alike

export PATH := $(PATH):/usr/sbin
SHELL := /bin/bash

.PHONY: demo demo-mariadb demo-mysql test test-compat test-clusters vitess test-vitess check mariadb mysql galera bench bench-quick bench-sessions chaos fuzz history

demo:
	@cd examples && go run ./demo $(if $(DSN),-dsn '$(DSN)')

demo-mariadb: mariadb
	@cd examples && go run ./demo -mariadb

demo-mysql: mysql
	@cd examples && go run ./demo -mysql

mariadb:
	@scripts/install-mariadb

mysql:
	@scripts/install-mysql

galera: mariadb
	@scripts/install-galera

# vtcombo is vtgate and its tablets in one program. Its module needs some 170 others, so that it is no part of the workspace, nor of
# make test: what tests with it has a module of its own beside it, which "go test work" does not see either.
vitess: mysql
	@mkdir -p .cache/vitess
	cd internal/vitess/vtcombo && GOWORK=off go build -o ../../../.cache/vitess/vtcombo .

test-vitess: vitess
	cd internal/vitess && GOWORK=off go test -race -count 1 -shuffle=on -timeout 15m ./...

check:
	@scripts/check

# Most of its time goes into compiling. So check vets all packages with the flags of the tests, which need not do it again, and the
# benchmarks run with them too. Tests wait for servers and clocks: one package more than there are processors runs at a time.
test: mariadb mysql galera check
	go test -race -vet=off -shuffle=on -timeout 20m -p $$(($$(getconf _NPROCESSORS_ONLN) + 1)) work
	go test -race -vet=off -short -run '^$$' -bench . -benchtime 1x ./benchmarks/... >/dev/null
	@go test -vet=off -cover . ./mysqlpool ./internal/sqltext ./weirprom/...
	@scripts/install-mysql --missing
	@scripts/install-galera --missing

# go test shows what a package prints, the counts, where it is told no package.
test-compat: mariadb mysql
	cd internal/compat && go run ./driversuite
	cd internal/compat/orm && go test -race -count 1
	go test -race -count 1 ./internal/compat/driversuite ./internal/compat/parser
	@scripts/install-mysql --missing

test-clusters: mysql galera
	go test -race -count 1 -v ./internal/lab/clustertest
	@scripts/install-mysql --missing
	@scripts/install-galera --missing

chaos: mariadb
	go test -race -count 1 -run Chaos ./internal/lab/pooltest -weir.chaos 30s -v

fuzz:
	go test -run '^$$' -fuzz FuzzHistory -fuzztime 60s .
	go test -run '^$$' -fuzz FuzzClassify -fuzztime 60s ./internal/sqltext
	go test -run '^$$' -fuzz FuzzMask -fuzztime 60s ./internal/sqltext

history: mariadb mysql
	go test -race -count 1 -timeout 40m -run 'RandomHistory|SettingsAreThose|NothingDiffers' ./internal/lab/sessiontest -weir.history 10m -v

bench:
	-@scripts/install-mariadb
	cd benchmarks && go run ./cmd/compare

bench-quick:
	cd benchmarks && go run ./cmd/compare -quick

SERVER := mariadb

bench-sessions: $(SERVER)
	cd benchmarks && go run ./cmd/sessions -server $(SERVER)
