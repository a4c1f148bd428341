fn main() {
    let tag = String::from("checkout");
    let _span = nulltrace::span!(tag);
}
