fn main() {
    let _span = nulltrace::span!("checkout", "" = 7);
}
