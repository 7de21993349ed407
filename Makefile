# Shortcuts to the presets and scripts. Each target first installs what is missing.
BUILD := build/release
JOBS := $(shell nproc)
ifneq ($(shell command -v ninja),)
export CMAKE_GENERATOR ?= Ninja
endif

.DEFAULT_GOAL := build
.PHONY: build test demo gpt lora resnet chat search bench format lint coverage docs deps configure

deps:
	@scripts/deps.sh

configure: deps
	cmake --preset release $(CMAKE_ARGS)

build: configure
	cmake --build $(BUILD) -j$(JOBS)

test: build
	ctest --preset release -j$(JOBS)

demo: configure
	cmake --build $(BUILD) -j$(JOBS) --target digits
	$(BUILD)/bin/digits

gpt: configure
	cmake --build $(BUILD) -j$(JOBS) --target gpt
	$(BUILD)/bin/gpt train

lora resnet: configure
	cmake --build $(BUILD) -j$(JOBS) --target $@
	$(BUILD)/bin/$@

# A model of random weights answers nonsense where no MODEL is named.
MODEL ?= tests/examples/llm/checkpoints/qwen2
chat: configure
	cmake --build $(BUILD) -j$(JOBS) --target llm
	$(BUILD)/bin/llm --model $(MODEL) chat

QUESTION := How is memory used again?
search: configure
	cmake --build $(BUILD) -j$(JOBS) --target semantic_search
	[ -e all-MiniLM-L6-v2 ] || scripts/fetch_minilm.sh
	$(BUILD)/bin/semantic_search index docs
	$(BUILD)/bin/semantic_search query "$(QUESTION)" -k 3

bench: configure
	cmake --build $(BUILD) -j$(JOBS) --target rows
	scripts/bench.py

format: deps
	scripts/check_format.sh --fix

# Of the files that differ from main; LINT=--all or LINT=FILE for others.
lint: configure
	@scripts/deps.sh clang clang-tidy libomp-dev
	scripts/lint.py $(LINT)

coverage:
	@scripts/deps.sh gcovr
	cmake --preset coverage
	cmake --build build/coverage -j$(JOBS)
	ctest --preset coverage -j$(JOBS)
	mkdir -p build/coverage/report
	gcovr --root . --filter mica/ --filter tools/ --object-directory build/coverage \
	  --exclude-throw-branches --html-details build/coverage/report/index.html --print-summary

# Pages and reference, in build/docs/html/index.html.
docs:
	@scripts/deps.sh doxygen
	mkdir -p build/docs
	MICA_VERSION=$$(sed -n 's/^#define MICA_VERSION_[A-Z]* //p' mica/version.h | paste -sd.) \
	  MICA_HEADERS="$$(scripts/public_headers.sh | paste -sd' ')" doxygen docs/Doxyfile
