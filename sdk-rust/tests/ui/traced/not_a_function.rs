use nulltrace::traced;

#[traced]
struct Order;

#[traced]
impl Order {
    fn pay(&self) {}
}

#[traced]
pub trait Pay {
    fn pay(&self);
}

#[traced]
const LIMIT: u32 = 7;

#[traced]
mod inner {}

fn main() {}
