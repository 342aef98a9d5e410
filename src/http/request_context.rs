//! What the middleware learns about a request from the router and the handler.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::HttpMessage;

/// The kind of credential that a request has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CallerKind {
    /// No credential, or an invalid one.
    #[default]
    None,
    PublishableKey,
    Visitor,
    PrivateKey,
}

impl CallerKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PublishableKey => "publishable_key",
            Self::Visitor => "visitor",
            Self::PrivateKey => "private_key",
        }
    }
}

/// The label of requests that no route serves.
const NO_ROUTE: &str = "none";

/// Filled while the request is processed.
#[derive(Debug)]
pub struct RequestContext {
    /// The template of the path, such as `/v2/conversations/{conversationId}`.
    route: Cell<&'static str>,
    caller: Cell<CallerKind>,
}

impl RequestContext {
    /// Adds a context to a request.
    pub fn attach(request: &impl HttpMessage) -> Rc<Self> {
        let context = Rc::new(Self {
            route: Cell::new(NO_ROUTE),
            caller: Cell::default(),
        });
        request.extensions_mut().insert(context.clone());
        context
    }

    pub fn route(&self) -> &'static str {
        self.route.get()
    }

    pub fn caller(&self) -> CallerKind {
        self.caller.get()
    }

    pub fn set_route(&self, route: &'static str) {
        self.route.set(route);
    }
}

/// Records the credential of a request, after it was checked.
pub fn set_caller(request: &impl HttpMessage, caller: CallerKind) {
    if let Some(context) = request.extensions().get::<Rc<RequestContext>>() {
        context.caller.set(caller);
    }
}
