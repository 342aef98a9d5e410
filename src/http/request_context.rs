//! What the middleware learns about a request from the router and the handler.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpMessage;
use actix_web::dev::Extensions;

use crate::metrics::{NO_ROUTE, RouteMetrics, WorkerMetrics};

/// The kind of credential that a request has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CallerKind {
    /// No credential, or an invalid one.
    #[default]
    None,
    PublishableKey,
    Visitor,
    PrivateKey,
    /// An agent who has signed in.
    Agent,
}

impl CallerKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PublishableKey => "publishable_key",
            Self::Visitor => "visitor",
            Self::PrivateKey => "private_key",
            Self::Agent => "agent",
        }
    }
}

/// A path of the route table on one worker thread.
#[derive(Debug)]
pub struct Route {
    /// The template of the path, such as `/v2/conversations/{conversationId}`.
    template: &'static str,
    /// The counters, from the first request on.
    metrics: OnceCell<Arc<RouteMetrics>>,
}

impl Route {
    pub fn new(template: &'static str) -> Self {
        Self {
            template,
            metrics: OnceCell::new(),
        }
    }
}

/// Filled while the request is processed.
#[derive(Debug, Default)]
pub struct RequestContext {
    route: OnceCell<Rc<Route>>,
    caller: Cell<CallerKind>,
}

impl RequestContext {
    /// Adds a context to a request.
    pub fn attach(request: &impl HttpMessage) -> Rc<Self> {
        let context = Rc::<Self>::default();
        request.extensions_mut().insert(context.clone());
        context
    }

    /// The template of the path.
    pub fn route(&self) -> &'static str {
        self.route.get().map_or(NO_ROUTE, |route| route.template)
    }

    pub fn caller(&self) -> CallerKind {
        self.caller.get()
    }

    /// The counters of the route.
    pub fn route_metrics<'a>(&'a self, worker: &'a WorkerMetrics) -> &'a RouteMetrics {
        match self.route.get() {
            Some(route) => route.metrics.get_or_init(|| worker.route(route.template)),
            None => &worker.no_route,
        }
    }
}

/// Records the route of a request. `extensions` are those of the request.
pub fn set_route(extensions: &Extensions, route: &Rc<Route>) {
    if let Some(context) = extensions.get::<Rc<RequestContext>>() {
        // A request has one route.
        let _ = context.route.set(route.clone());
    }
}

/// Records the credential of a request, after it was checked.
pub fn set_caller(request: &impl HttpMessage, caller: CallerKind) {
    if let Some(context) = request.extensions().get::<Rc<RequestContext>>() {
        context.caller.set(caller);
    }
}
