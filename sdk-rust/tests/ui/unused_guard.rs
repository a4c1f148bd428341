#![deny(unused_must_use)]

fn main() {
    nulltrace::span!("checkout");
}
