# What a developer says; .ci/run says the same. Nothing here is needed to use sunwire: go run ./cmd/sunwire demo.
SHELL    := bash
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO       ?= go
TOOLS    ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sunwire
# A count of inputs: with a duration the toolchain sometimes calls its end a failure, and spends it on making inputs smaller.
FUZZTIME ?= 200000x
LDFLAGS  := -s -w -X main.version=$(VERSION)
# Small, in the file and so in memory: nobody here speaks HTTP/2, and what is not sunwire's own or the runtime's need not be inlined: 1.4 MB.
TAGS     := nethttpomithttp2
GCFLAGS  := -gcflags=all=-l -gcflags=sunwire/...= -gcflags=runtime/...= -gcflags=internal/...= -gcflags=sync/...=
COMPILE  := CGO_ENABLED=0 $(GO) build -trimpath -tags $(TAGS) $(GCFLAGS) -ldflags '$(LDFLAGS)'
OUT      := dist/sunwire

LINT_VERSION := v2.5.0
LINT         := $(TOOLS)/golangci-lint-$(LINT_VERSION)
NFPM_VERSION := v2.43.0
NFPM         := $(TOOLS)/nfpm-$(NFPM_VERSION)
DEBS         ?= amd64 arm64 armhf
# arm/6: the first Raspberry Pi and the Zero run the same Debian as their successors
PLATFORMS    := linux/amd64 linux/arm64 linux/arm/6
# bytes of a stripped binary: some 50 drivers, Bluetooth and a broker for the demo are in it. What exceeds this has to earn it
LARGEST      := 12500000

.PHONY: build check test race vet lint fix golden fuzz demo docs e2e cross deb image clean

build: ## dist/sunwire for this machine
	$(COMPILE) -o $(OUT) ./cmd/sunwire

check: lint test ## what must be green before a commit

test:
	CGO_ENABLED=0 $(GO) test ./...

race: ## needs a C compiler
	CGO_ENABLED=1 $(GO) test -race -count=1 ./...

vet: ## what Go itself can say
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'not formatted: gofmt -w'; exit 1; }
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) vet -tags e2e ./...
	CGO_ENABLED=0 $(GO) fix -diff ./...
	$(GO) mod tidy -diff

lint: vet $(LINT)
	$(LINT) run --allow-parallel-runners

$(LINT):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS)/install CGO_ENABLED=0 $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(TOOLS)/install/golangci-lint $@

fix: $(LINT) ## mend what can be mended by rule
	$(GO) fix ./...
	$(LINT) run --fix

golden: ## rewrite the golden files; read the difference before you commit it
	CGO_ENABLED=0 $(GO) test $$(grep -rlE --include='*_test.go' 'drivers/drivertest"|flag\.Bool\("update"' . | xargs -n1 dirname | sort -u) -update

fuzz: ## each fuzz target for FUZZTIME inputs
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$(CGO_ENABLED=0 $(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "fuzz $$pkg $$target"; \
	    CGO_ENABLED=0 $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg || exit 1; \
	  done; \
	done

demo:
	$(GO) run ./cmd/sunwire demo

docs: ## write the generated pages anew
	CGO_ENABLED=0 $(GO) generate ./...

e2e: ## beside a real Home Assistant; see .ci/ha
	SUNWIRE_E2E=1 .ci/ha $(GO) test -tags e2e -count=1 -timeout 15m -p 1 $$(grep -rl --include='*_test.go' '^//go:build e2e' . | xargs -n1 dirname | sort -u)

cross: ## dist/sunwire-OS-ARCH for each platform, and their sizes
	@set -e; for p in $(PLATFORMS); do \
	  IFS=/ read -r os arch arm <<< "$$p"; out=dist/sunwire-$$os-$$arch$${arm:+v$$arm}; \
	  GOOS=$$os GOARCH=$$arch GOARM=$$arm $(COMPILE) -o $$out ./cmd/sunwire; \
	  size=$$(stat -c %s $$out); echo "$$out: $$size bytes"; \
	  test $$size -le $(LARGEST) || { echo "more than $(LARGEST) bytes"; exit 1; }; \
	done
	@set -e; for os in darwin windows; do \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=amd64 $(GO) build -o /dev/null ./cmd/sunwire; echo "$$os/amd64: builds"; done

deb: cross $(NFPM) ## dist/sunwire_VERSION_ARCH.deb of what cross has built
	NFPM=$(NFPM) deploy/deb/build $(VERSION) $(DEBS)

$(NFPM):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS)/install CGO_ENABLED=0 $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)
	mv $(TOOLS)/install/nfpm $@

image: ## by buildah, without a container engine; needs root
	.ci/image $(VERSION)

clean:
	rm -rf dist
