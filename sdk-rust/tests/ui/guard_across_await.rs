fn spawn(_: impl Future + Send + 'static) {}

fn main() {
    spawn(async {
        let _span = nulltrace::span!("checkout");
        std::future::ready(()).await;
    });
}
