# Short names for commands that exist without them. `just --list` shows all.

# Format, lints, and the conventions that tests hold: before every commit.
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test --test gongji tidy

# Every test that needs no other tools; FILTER is a part of a test's name.
test filter="":
    cargo test {{ filter }}

# Payments beside others who ask for much, as a ratio. For a machine that does nothing else.
load:
    cargo test --release --test gongji load:: -- --ignored --nocapture

# All that must hold before a change lands; installs what it needs.
ci:
    .ci/run

# A hub and four provinces on this machine, until Ctrl-C.
demo:
    cargo run --release -- demo

# The program of a server, without the feature dev.
release:
    cargo build --release --no-default-features

# N simulated worlds in which servers, networks, disks and clocks fail.
seeds n="20":
    cargo run --release -- sim --seeds {{ n }}

# Small changes of a file, or of src/domain/**, that no unit test notices (docs/develop/mutants.md). Needs cargo-mutants.
mutants file:
    cargo mutants --no-config --file '{{ file }}' -- --lib

# Licences, sources and known weaknesses of dependencies. Needs cargo-deny and the network.
deny:
    cargo deny check

