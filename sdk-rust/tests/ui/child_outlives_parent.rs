fn main() {
    let child = {
        let parent = nulltrace::span!("checkout");
        parent.child("pay")
    };
    drop(child);
}
