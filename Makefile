# Thin targets; each is one line of script.
.PHONY: demo test test-all test-vm bench bench-core bench-capture bench-vm bench-sdk bpf fuzz miri fmt lint setup

demo: setup
	./examples/demo.sh

test: setup
	./tests/run.sh

# With a capture of 10 GiB in the place of 256 MiB.
test-all: setup
	NULLTRACE_BIG=10GiB ./tests/run.sh

test-vm:
	./tests/vm/all.sh

bench: setup
	./tests/bench/run.sh

bench-core: setup
	./tests/bench/instructions.sh

bench-capture:
	cargo bench -p nulltrace-core --bench capture

bench-vm:
	./tests/vm/bench

bench-sdk: setup
	./tests/bench-sdk/run.sh

bpf: setup
	./collector/bpf/build.sh

fuzz:
	cd spec && for target in write thread; do cargo +nightly fuzz run $$target -- -max_total_time=60 || exit 1; done
	cd collector/core && for target in filter capture; do cargo +nightly fuzz run $$target -- -max_total_time=60 -rss_limit_mb=512 || exit 1; done

miri:
	./sdk-rust/miri.sh

fmt:
	cargo fmt --all

lint:
	./tests/lint.sh

setup:
	@./tests/setup.sh
