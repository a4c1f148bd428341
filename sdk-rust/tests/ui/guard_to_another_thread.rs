fn main() {
    let span = nulltrace::span!("checkout");
    std::thread::spawn(move || drop(span));
}
