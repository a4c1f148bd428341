struct Cart;

fn main() {
    let _span = nulltrace::span!("checkout", cart = Cart);
}
