# Thin targets; each is one line of script.
.PHONY: demo test test-vm bench bench-core bench-vm bench-sdk bpf fuzz miri fmt lint setup

demo: setup
	./examples/demo.sh

test: setup
	./tests/run.sh

test-vm:
	./tests/vm/all.sh

bench: setup
	./tests/bench/run.sh

bench-core: setup
	./tests/bench/instructions.sh

bench-vm:
	./tests/vm/bench

bench-sdk: setup
	./tests/bench-sdk/run.sh

bpf: setup
	./collector/bpf/build.sh

fuzz:
	cd spec && for target in write thread; do cargo +nightly fuzz run $$target -- -max_total_time=60 || exit 1; done
	cd collector/core && cargo +nightly fuzz run filter -- -max_total_time=60

miri:
	./sdk-rust/miri.sh

fmt:
	cargo fmt --all

lint:
	./tests/lint.sh

setup:
	@./tests/setup.sh
