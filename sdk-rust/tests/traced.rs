//! `#[traced]` on functions that end when they return: what is written, and what stays as it was.
#![cfg(all(feature = "mock", not(feature = "off")))]
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]
#![allow(missing_docs, reason = "there is nothing to document")]

use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nulltrace::mock::Mock;
use nulltrace::{span, traced};

#[traced]
fn plain(a: u32) -> u32 {
    let _inner = span!("inner");
    a + 1
}

#[test]
fn each_call_of_a_recursion_is_a_span() {
    #[traced]
    fn walk(depth: u32) -> u32 {
        if depth == 0 { 0 } else { 1 + walk(depth - 1) }
    }
    let mock = Mock::here();
    assert_eq!(walk(2), 2);
    let mut expected = mock.expect();
    for _ in 0..3 {
        expected = expected.enter("walk");
    }
    for _ in 0..3 {
        expected = expected.exit("walk");
    }
    expected.done();
}

#[test]
fn the_name_is_the_tag() {
    let mock = Mock::here();
    assert_eq!(plain(1), 2);
    mock.expect()
        .enter("plain")
        .id("t")
        .enter("inner")
        .exit("inner")
        .exit("plain")
        .id("t")
        .done();
}

#[traced]
fn r#match() {}

#[traced("db.query")]
fn path() {}

#[traced(["example.org", "get"])]
fn list() {}

#[traced("a b:c\n\"ü\"")]
fn odd() {}

#[traced(r#"raw "x""#)]
fn raw() {}

#[test]
fn tags() {
    let mock = Mock::here();
    r#match();
    path();
    list();
    odd();
    raw();
    mock.expect()
        .enter("match")
        .exit("match")
        .enter("db.query")
        .exit("db.query")
        .enter(&["example.org", "get"])
        .exit(&["example.org", "get"])
        .enter("a b:c\n\"ü\"")
        .exit("a b:c\n\"ü\"")
        .enter("raw \"x\"")
        .exit("raw \"x\"")
        .done();
}

struct Rows(Vec<u8>);

#[traced("db.query", args(id, len = rows.0.len(), "a name" = &rows.0[0], shown = ?rows.0, half = %(id / 2)))]
fn query(id: u32, rows: Rows) -> usize {
    // The arguments were only looked at.
    drop(rows);
    id as usize
}

#[test]
fn arguments() {
    let mock = Mock::here();
    query(7, Rows(vec![1, 2]));
    mock.expect()
        .enter("db.query")
        .arg("id", "7")
        .arg("len", "2")
        .arg("a name", "1")
        .arg("shown", "[1, 2]")
        .arg("half", "3")
        .exit("db.query")
        .done();
}

fn pair<A: Default, B: Default>(_: A) -> (A, B) {
    Default::default()
}

#[traced(args(
    generic = pair::<u8, u16>(1).1,
    less = a < b,
    more = a > b,
    qualified = <u8 as Into<u64>>::into(a),
    two = [a, b].len(),
    closure = Some(a).map_or(b, |x| x + b),
    text = "x,y=z",
    r#type = 'c',
    r#block = { a + b },
    if_else = if a < b { "less" } else { "more" },
))]
fn expressions(a: u8, b: u8) {}

#[test]
fn arguments_are_expressions() {
    let mock = Mock::here();
    expressions(1, 2);
    mock.expect()
        .enter("expressions")
        .arg("generic", "0")
        .arg("less", "true")
        .arg("more", "false")
        .arg("qualified", "1")
        .arg("two", "2")
        .arg("closure", "3")
        .arg("text", "x,y=z")
        .arg("type", "c")
        .arg("block", "3")
        .arg("if_else", "less")
        .exit("expressions")
        .done();
}

#[traced(args(a, c), ret)]
fn patterns((a, _): (u32, u32), [_, c]: [u32; 2], _: u32, mut d: u32) -> u32 {
    d += a + c;
    d
}

#[test]
fn parameters_may_be_patterns() {
    let mock = Mock::here();
    assert_eq!(patterns((1, 2), [3, 4], 5, 6), 11);
    mock.expect()
        .enter("patterns")
        .arg("a", "1")
        .arg("c", "4")
        .exit("patterns")
        .arg("ret", "11")
        .done();
}

#[traced(args(id), ret, err)]
fn checked(id: u32) -> Result<u32, String> {
    let id = Some(id)
        .filter(|&id| id != 9)
        .ok_or_else(|| "nine".to_owned())?;
    if id == 0 {
        return Err("zero".repeat(100));
    }
    Ok(id * 2)
}

#[traced(err)]
fn only_err(ok: bool) -> Result<(), std::num::ParseIntError> {
    "7".repeat(usize::from(ok)).parse::<u8>()?;
    Ok(())
}

#[test]
fn outcomes() {
    let mock = Mock::here();
    assert_eq!(checked(2), Ok(4));
    assert_eq!(checked(9), Err("nine".to_owned()));
    assert!(checked(0).is_err());
    only_err(true).unwrap();
    only_err(false).unwrap_err();
    mock.expect()
        .enter("checked")
        .arg("id", "2")
        .exit("checked")
        .arg("ret", "4")
        .enter("checked")
        .arg("id", "9")
        .exit("checked")
        .arg("error", "nine")
        .enter("checked")
        .arg("id", "0")
        .exit("checked")
        .arg("error", &"zero".repeat(50))
        .enter("only_err")
        .exit("only_err")
        .enter("only_err")
        .exit("only_err")
        .arg("error", "cannot parse integer from empty string")
        .done();
}

#[derive(Debug, PartialEq)]
struct Opaque;

impl Display for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("shown\tso")
    }
}

#[traced(ret = debug)]
fn by_debug() -> (Opaque, u8) {
    (Opaque, 1)
}

#[traced(ret = display)]
fn by_display() -> Opaque {
    Opaque
}

#[traced(err = debug, ret = display)]
fn err_by_debug(ok: bool) -> Result<Opaque, Opaque> {
    if ok { Ok(Opaque) } else { Err(Opaque) }
}

#[traced(ret = debug)]
fn whole_result() -> Result<u8, Opaque> {
    Err(Opaque)
}

#[traced(ret(len = ret.len(), first = ?ret.first(), n), err)]
fn parts(n: usize) -> Result<Vec<u8>, Opaque> {
    Ok(vec![7; n])
}

#[test]
fn styles() {
    let mock = Mock::here();
    assert_eq!(by_debug(), (Opaque, 1));
    assert_eq!(by_display(), Opaque);
    assert!(err_by_debug(true).is_ok() && err_by_debug(false).is_err());
    assert!(whole_result().is_err());
    assert_eq!(parts(2).unwrap(), [7, 7]);
    mock.expect()
        .enter("by_debug")
        .exit("by_debug")
        .arg("ret", "(Opaque, 1)")
        .enter("by_display")
        .exit("by_display")
        .arg("ret", "shown\tso")
        .enter("err_by_debug")
        .exit("err_by_debug")
        .arg("ret", "shown\tso")
        .enter("err_by_debug")
        .exit("err_by_debug")
        .arg("error", "Opaque")
        .enter("whole_result")
        .exit("whole_result")
        .arg("ret", "Err(Opaque)")
        .enter("parts")
        .exit("parts")
        .arg("len", "2")
        .arg("first", "Some(7)")
        .arg("n", "2")
        .done();
}

#[derive(Clone)]
struct Order {
    id: u32,
    items: Vec<String>,
}

#[allow(clippy::should_implement_trait, reason = "a test of `self` by value")]
impl Order {
    #[traced("order.new", args(id), ret(id = ret.id))]
    fn new(id: u32) -> Self {
        Self {
            id,
            items: vec!["a".to_owned()],
        }
    }

    #[traced("order.id", args(id = self.id), ret)]
    fn id(&self) -> u32 {
        self.id
    }

    #[traced("order.first", ret)]
    fn first(&mut self) -> &mut String {
        &mut self.items[0]
    }

    #[traced("order.longest", ret)]
    fn longest<'a>(&'a self, other: &'a str) -> &'a str {
        self.items
            .iter()
            .map(String::as_str)
            .find(|item| item.len() > other.len())
            .unwrap_or(other)
    }

    #[traced("order.into", args(id = self.id), ret = debug)]
    fn into_items(mut self) -> Vec<String> {
        self.items.push("b".to_owned());
        self.items
    }

    #[traced("order.boxed", ret)]
    fn boxed(self: Box<Self>) -> u32 {
        self.id
    }

    #[traced("order.shared")]
    fn shared(self: std::rc::Rc<Self>) -> usize {
        std::rc::Rc::strong_count(&self)
    }
}

#[test]
fn methods() {
    let mock = Mock::here();
    let mut order = Order::new(7);
    order.id();
    order.first().push('x');
    assert_eq!(order.longest("y"), "ax");
    assert_eq!(order.clone().into_items(), ["ax", "b"]);
    Box::new(order.clone()).boxed();
    std::rc::Rc::new(order).shared();
    mock.expect()
        .enter("order.new")
        .arg("id", "7")
        .exit("order.new")
        .arg("id", "7")
        .enter("order.id")
        .arg("id", "7")
        .exit("order.id")
        .arg("ret", "7")
        .enter("order.first")
        .exit("order.first")
        .arg("ret", "a")
        .enter("order.longest")
        .exit("order.longest")
        .arg("ret", "ax")
        .enter("order.into")
        .arg("id", "7")
        .exit("order.into")
        .arg("ret", "[\"ax\", \"b\"]")
        .enter("order.boxed")
        .exit("order.boxed")
        .arg("ret", "7")
        .enter("order.shared")
        .exit("order.shared")
        .done();
}

trait Pay {
    const RATE: u32;

    #[traced("pay.default", ret)]
    fn pay(&self, amount: u32) -> u32 {
        amount * Self::RATE
    }

    fn name() -> String;
}

impl Pay for Order {
    const RATE: u32 = 3;

    #[traced]
    fn name() -> String {
        "order".to_owned()
    }
}

#[traced(args(count = N, shown = ?value), ret = debug)]
fn generic<'a, T, F, const N: usize>(value: &'a [T; N], each: F) -> Vec<&'a T>
where
    T: Debug + PartialOrd<T>,
    F: for<'x> Fn(&'x T) -> bool,
{
    value.iter().filter(|value| each(value)).collect()
}

#[traced(ret)]
fn in_and_out(
    values: impl Iterator<Item = u32> + Clone,
) -> impl Copy + Into<u64> + nulltrace::Value {
    values.sum::<u32>()
}

#[traced]
fn iterator<'a>(values: &'a [u32]) -> impl Iterator<Item = (usize, &'a u32)> + use<'a> {
    values.iter().enumerate()
}

#[traced(err, ret(none = ret.is_none()))]
fn nested_impl(n: u32) -> Result<Option<impl Fn(u32) -> u32>, Box<dyn std::error::Error>> {
    if n == 0 {
        return Err("zero".into());
    }
    if n == 1 {
        return Ok(None);
    }
    Ok(Some(move |m| n * m))
}

#[traced(ret = debug)]
fn coerced(n: u32) -> Box<dyn Debug> {
    if n == 0 {
        return Box::new("zero");
    }
    Box::new(n)
}

#[test]
fn generics_and_traits() {
    let mock = Mock::here();
    let order = Order {
        id: 1,
        items: Vec::new(),
    };
    assert_eq!(order.pay(2), 6);
    assert_eq!(Order::name(), "order");
    assert_eq!(generic(&[1, 2, 3], |&n| n > 1), [&2, &3]);
    assert_eq!(in_and_out([1, 2].into_iter()).into(), 3_u64);
    assert_eq!(iterator(&[5]).next(), Some((0, &5)));
    assert!(nested_impl(0).is_err());
    assert_eq!(nested_impl(2).unwrap().unwrap()(3), 6);
    coerced(0);
    coerced(1);
    mock.expect()
        .enter("pay.default")
        .exit("pay.default")
        .arg("ret", "6")
        .enter("name")
        .exit("name")
        .enter("generic")
        .arg("count", "3")
        .arg("shown", "[1, 2, 3]")
        .exit("generic")
        .arg("ret", "[2, 3]")
        .enter("in_and_out")
        .exit("in_and_out")
        .arg("ret", "3")
        .enter("iterator")
        .exit("iterator")
        .enter("nested_impl")
        .exit("nested_impl")
        .arg("error", "zero")
        .enter("nested_impl")
        .exit("nested_impl")
        .arg("none", "false")
        .enter("coerced")
        .exit("coerced")
        .arg("ret", "\"zero\"")
        .enter("coerced")
        .exit("coerced")
        .arg("ret", "1")
        .done();
}

#[traced(ret)]
unsafe fn dangerous(pointer: *const u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { *pointer }
}

#[traced(args(n), ret)]
pub(crate) extern "C" fn for_c(n: u32) -> u32 {
    n + 1
}

/// # Safety
/// Nothing is asked for.
#[traced]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nulltrace_test_exported(n: u32) -> u32 {
    n + 2
}

#[traced]
extern "C" fn bare_extern() {}

#[test]
fn unsafe_and_extern() {
    let mock = Mock::here();
    // SAFETY: the pointer is one of a live number.
    assert_eq!(unsafe { dangerous(&5) }, 5);
    let pointer: extern "C" fn(u32) -> u32 = for_c;
    assert_eq!(pointer(1), 2);
    // SAFETY: nothing is asked for.
    assert_eq!(unsafe { nulltrace_test_exported(1) }, 3);
    bare_extern();
    mock.expect()
        .enter("dangerous")
        .exit("dangerous")
        .arg("ret", "5")
        .enter("for_c")
        .arg("n", "1")
        .exit("for_c")
        .arg("ret", "2")
        .enter("nulltrace_test_exported")
        .exit("nulltrace_test_exported")
        .enter("bare_extern")
        .exit("bare_extern")
        .done();
}

#[traced("fib", args(n), ret)]
fn fib(n: u32) -> u32 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

#[test]
fn recursion() {
    let mock = Mock::here();
    assert_eq!(fib(2), 1);
    mock.expect()
        .enter("fib")
        .arg("n", "2")
        .enter("fib")
        .arg("n", "1")
        .exit("fib")
        .arg("ret", "1")
        .enter("fib")
        .arg("n", "0")
        .exit("fib")
        .arg("ret", "0")
        .exit("fib")
        .arg("ret", "1")
        .done();
}

#[traced]
fn leaves_early(values: &[u32]) -> u32 {
    for &value in values {
        if value > 1 {
            return value;
        }
    }
    0
}

#[traced(ret)]
#[allow(clippy::never_loop, reason = "the ways out are the point")]
fn leaves_from_within(n: u32) -> u32 {
    let add = |m: u32| {
        if m == 0 {
            return 0;
        }
        m + 1
    };
    'out: loop {
        loop {
            if add(n) == 0 {
                break 'out 100;
            }
            return add(n);
        }
    }
}

#[test]
fn early_returns() {
    let mock = Mock::here();
    assert_eq!(leaves_early(&[1, 2, 3]), 2);
    assert_eq!(leaves_from_within(0), 100);
    assert_eq!(leaves_from_within(1), 2);
    mock.expect()
        .enter("leaves_early")
        .exit("leaves_early")
        .enter("leaves_from_within")
        .exit("leaves_from_within")
        .arg("ret", "100")
        .enter("leaves_from_within")
        .exit("leaves_from_within")
        .arg("ret", "2")
        .done();
}

#[traced]
fn panics(n: u32) -> u32 {
    assert!(n > 0, "on purpose");
    n
}

#[traced(args(n), ret, err)]
fn panics_noted(n: u32) -> Result<u32, String> {
    Ok(panics(n))
}

#[traced]
fn never() -> ! {
    panic!("on purpose")
}

struct Cleanup;

impl Drop for Cleanup {
    fn drop(&mut self) {
        // Not this call's panic.
        assert_eq!(panics(1), 1);
    }
}

#[traced]
fn cleans_up() {
    let _cleanup = Cleanup;
    never();
}

#[test]
fn panics_are_told() {
    let mock = Mock::here();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    for call in [
        || drop(panics_noted(0)),
        || drop(panics_noted(1)),
        cleans_up,
    ] {
        let _ = catch_unwind(AssertUnwindSafe(call));
    }
    std::panic::set_hook(hook);
    mock.expect()
        .enter("panics_noted")
        .arg("n", "0")
        .enter("panics")
        .exit("panics")
        .arg("error", "panic")
        .exit("panics_noted")
        .arg("error", "panic")
        .enter("panics_noted")
        .arg("n", "1")
        .enter("panics")
        .exit("panics")
        .exit("panics_noted")
        .arg("ret", "1")
        .enter("cleans_up")
        .enter("never")
        .exit("never")
        .arg("error", "panic")
        .enter("panics")
        .exit("panics")
        .exit("cleans_up")
        .arg("error", "panic")
        .done();
}

/// Documented.
#[traced]
#[must_use]
#[inline]
#[deprecated(note = "kept")]
fn attributes() -> u32 {
    #![allow(unused_variables)]
    let unused = 1;
    3
}

#[test]
#[traced("test.itself")]
fn other_attributes_stay() {
    let mock = Mock::here();
    #[allow(deprecated, reason = "a test that it is")]
    let three = attributes();
    assert_eq!(three, 3);
    mock.expect().enter("attributes").exit("attributes").done();
}

macro_rules! made {
    ($(#[$attribute:meta])* $vis:vis $name:ident, $tag:literal, $arg:ident: $type:ty, $ret:ty, $body:block) => {
        $(#[$attribute])*
        #[traced($tag, args($arg), ret)]
        $vis fn $name($arg: $type) -> $ret $body
    };
}

made!(#[inline] pub(crate) by_macro, "by.macro", n: u32, u64, {
    if n == 0 {
        return 0;
    }
    u64::from(n) + 1
});

macro_rules! wrapped {
    ($item:item) => {
        #[traced]
        $item
    };
}

wrapped!(
    fn wrapped_item(n: u32) -> u32 {
        n
    }
);

#[test]
fn made_by_macros() {
    let mock = Mock::here();
    assert_eq!(by_macro(2), 3);
    assert_eq!(wrapped_item(2), 2);
    mock.expect()
        .enter("by.macro")
        .arg("n", "2")
        .exit("by.macro")
        .arg("ret", "3")
        .enter("wrapped_item")
        .exit("wrapped_item")
        .done();
}

#[test]
fn functions_within_functions() {
    #[traced(ret)]
    fn inner(n: u32) -> u32 {
        #[traced("innermost")]
        fn innermost(n: u32) -> u32 {
            n + 1
        }
        innermost(n)
    }
    let mock = Mock::here();
    assert_eq!(inner(1), 2);
    mock.expect()
        .enter("inner")
        .enter("innermost")
        .exit("innermost")
        .exit("inner")
        .arg("ret", "2")
        .done();
}

#[traced]
fn locals_end_within() {
    struct Local;
    impl Drop for Local {
        fn drop(&mut self) {
            drop(span!("local.drop"));
        }
    }
    let _local = Local;
    // The macro's own names are not those of the body.
    let __span = 1;
    let __watch = 2;
    assert_eq!(__span + __watch, 3);
}

#[test]
fn the_span_is_around_its_locals() {
    let mock = Mock::here();
    locals_end_within();
    mock.expect()
        .enter("locals_end_within")
        .enter("local.drop")
        .exit("local.drop")
        .exit("locals_end_within")
        .done();
}
