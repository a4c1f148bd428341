fn main() {
    let _span = nulltrace::span!([]);
}
