//! `#[traced]`.
//!
//! Use it through the crate `nulltrace`, which has what the attribute writes calls to.
mod expand;
mod function;
mod options;
mod reader;
mod template;
mod text;

use proc_macro::TokenStream;

/// Makes each call of a function a span.
///
/// ```
/// use nulltrace::traced;
///
/// #[traced]
/// fn checkout(cart: u32) -> Result<u32, String> {
///     let price = price(cart)?;
///     Ok(price + 1)
/// }
///
/// #[traced("checkout.price", args(cart, even = cart % 2 == 0), ret, err)]
/// fn price(cart: u32) -> Result<u32, String> {
///     if cart == 0 { Err("an empty cart".to_owned()) } else { Ok(cart * 3) }
/// }
///
/// # let mock = nulltrace::mock::Mock::here();
/// assert_eq!(checkout(2), Ok(7));
/// assert!(checkout(0).is_err());
/// # mock.expect()
/// #     .enter("checkout")
/// #     .enter("checkout.price").arg("cart", "2").arg("even", "true")
/// #     .exit("checkout.price").arg("ret", "6")
/// #     .exit("checkout")
/// #     .enter("checkout")
/// #     .enter("checkout.price").arg("cart", "0").arg("even", "true")
/// #     .exit("checkout.price").arg("error", "an empty cart")
/// #     .exit("checkout")
/// #     .done();
/// ```
///
/// It goes on functions and methods of all kinds, with generics, `impl Trait`, `self` in any form, `unsafe`
/// and `extern`; on `async fn`; on the methods of an `impl` of a trait and on the default ones of a trait.
/// All else of the function stays as it is. A `const fn` cannot be traced.
///
/// # What it takes
///
/// All of it may be left out, and stands in any order, with commas between.
///
/// - `"db.query"`: the **tags**, split at the dots; `["example.org", "get"]`: one tag each. Without, the
///   name of the function.
/// - `args(id, len = rows.len())`: **arguments of the enter**, each a parameter's name or `name = value`.
///   A value is any expression that the function could begin with, and is only borrowed; it must be a
///   `nulltrace::Value`, or have `%` before it for its `Display`, `?` for its `Debug`. At most 64. Not evaluated when
///   tracing is off. The first is not named `^`. An expression with a comma outside of brackets goes in parentheses.
/// - `ret`: what is returned, as the **exit's argument** `ret`. `ret = display` and `ret = debug` for what
///   is no `nulltrace::Value`.
/// - `ret(len = ret.len(), …)`: parts of it instead; `ret` stands for a reference to it.
/// - `err`: an `Err`, as the exit's argument `error`: the first 200 bytes of its `Display`, or of its
///   `Debug` with `err = debug`. Beside `err`, `ret` is about what is in `Ok`.
///
/// A call that panics ends with `error=panic`.
///
/// ```
/// use nulltrace::traced;
///
/// struct Table {
///     name: String,
///     rows: Vec<u32>,
/// }
///
/// impl Table {
///     #[traced("db.find", args(table = self.name, wanted), ret(found = ret.len(), first = ?ret.first()))]
///     fn find(&self, wanted: u32) -> Vec<&u32> {
///         self.rows.iter().filter(|&&row| row == wanted).collect()
///     }
/// }
///
/// let table = Table { name: "users".to_owned(), rows: vec![1, 2, 1] };
/// # let mock = nulltrace::mock::Mock::here();
/// assert_eq!(table.find(1).len(), 2);
/// # mock.expect()
/// #     .enter("db.find").arg("table", "users").arg("wanted", "1")
/// #     .exit("db.find").arg("found", "2").arg("first", "Some(1)")
/// #     .done();
/// ```
///
/// # Futures
///
/// The span of an `async fn` begins when it is first polled and ends when it is done. It has an id of its
/// own, so it may move between threads and interleave with others; all spans within it are its children. Its parent is
/// what is current at the first poll: a call that goes to `spawn` takes its caller's context along by
/// `TracedExt::in_current_context`. Dropped before it is done it ends with `status=cancelled`.
///
/// A function whose return type is spelt `impl Future<…>`, `Pin<Box<dyn Future<…>>>`, `BoxFuture` or
/// `LocalBoxFuture` is taken for one that gives its work as a future: the span begins with the call and
/// ends with that future, and its parent is what is current at the call; the boxed ones are boxed once more.
///
/// ```
/// use nulltrace::traced;
///
/// #[traced("api.fetch", args(url), ret(bytes = ret.len()))]
/// async fn fetch(url: &str) -> String {
///     std::future::ready(url.to_uppercase()).await
/// }
///
/// # let mock = nulltrace::mock::Mock::here();
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # let mut future = std::pin::pin!(fetch("a.b"));
/// # assert!(future.as_mut().poll(&mut context).is_ready());
/// # mock.expect()
/// #     .enter("api.fetch").arg("url", "a.b")
/// #     .exit("api.fetch").arg("bytes", "3")
/// #     .done();
/// ```
///
/// # What it makes of the function
///
/// Without `ret` and `err`, a guard before the body, dropped behind the body's own variables; the
/// parameters that the body did not take drop after it. With one of them the body becomes a closure, so
/// `#[track_caller]` sees the function itself there. The body of an `async fn` becomes an `async` block
/// within it: such a future holds its parameters twice.
///
/// The attribute names the crate `::nulltrace`; a dependency that is given another name must be reached by
/// that one too.
///
/// # What it refuses
///
/// With a message that points at the place:
///
/// ```compile_fail
/// #[nulltrace::traced]
/// const fn answer() -> u32 { // a `const fn` cannot be traced
///     42
/// }
/// ```
///
/// ```compile_fail
/// #[nulltrace::traced("checkout..pay")] // a tag is empty
/// fn pay() {}
/// ```
///
/// ```compile_fail
/// #[nulltrace::traced(err)] // no `Result`
/// fn count() -> usize {
///     3
/// }
/// ```
#[proc_macro_attribute]
pub fn traced(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let options = options::Options::read(attribute);
    let function = function::Function::read(item.clone());
    let expanded = match (options, function) {
        (Ok(options), Ok(function)) => expand::expand(&options, function),
        (Err(refused), _) | (_, Err(refused)) => Err(refused),
    };
    expanded.unwrap_or_else(|refused| {
        // The item as it is, so that its users are no mistakes too.
        let mut out = refused.tokens();
        out.extend(item);
        out
    })
}
