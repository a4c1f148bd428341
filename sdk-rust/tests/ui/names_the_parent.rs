fn main() {
    let _ = nulltrace::span!("checkout", "not first" = 1, "^" = 2);
    let _ = nulltrace::span!("checkout", "^" = 1);
}
