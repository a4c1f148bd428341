use nulltrace::traced;

struct Order {
    id: u32,
}

#[traced(args(order))]
fn no_value_of_it(order: Order) -> u32 {
    order.id
}

fn main() {}
