fn main() {
    let _span = nulltrace::span!("checkout..pay");
}
