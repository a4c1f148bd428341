use nulltrace::traced;

#[traced(args)]
fn no_list(_a: u32) {}

#[traced(args(self.id))]
fn no_name(_a: u32) {}

#[traced(args(a = ))]
fn no_value(_a: u32) {}

#[traced(args(a = 1 b = 2))]
fn no_comma(_a: u32) {}

#[traced(args("" = a))]
fn empty_name(_a: u32) {}

#[traced(args(7 = a))]
fn name_is_number(_a: u32) {}

#[traced(args(a, a = 2))]
fn twice(_a: u32) {}

#[traced(args(?a))]
fn sigil(_a: u32) {}

#[traced(args(a == 2))]
fn comparison(_a: u32) {}

fn main() {}
