use nulltrace::traced;

struct Order;

#[derive(Debug)]
struct Silent;

#[traced(err)]
fn nothing() {}

#[traced(err)]
fn no_result() -> u32 {
    1
}

#[traced(err)]
async fn no_result_later() -> Option<u32> {
    None
}

#[traced(err)]
fn never() -> ! {
    panic!()
}

#[traced(ret)]
fn ret_of_nothing() {}

#[traced(ret)]
fn no_value() -> Order {
    Order
}

#[traced(ret = debug)]
fn no_debug() -> Order {
    Order
}

#[traced(err)]
fn no_display() -> Result<u32, Silent> {
    Ok(1)
}

#[traced(err = debug)]
fn debug_will_do() -> Result<u32, Silent> {
    Ok(1)
}

#[traced(ret(size = ret.len()), err)]
fn no_such_method() -> Result<u32, String> {
    Ok(1)
}

fn main() {}
