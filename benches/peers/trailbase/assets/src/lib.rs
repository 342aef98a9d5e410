//! Stands in for the crate with TrailBase's pages (administration, sign-in),
//! which needs pnpm and hundreds of npm packages of no fixed version to build.
//! No request that is measured touches them; here they are empty.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use tower_service::Service;

pub mod auth;
pub mod version;

#[derive(Clone)]
pub struct AdminAssets;

#[derive(Clone)]
pub struct AuthAssets;

/// Finds nothing.
#[derive(Clone)]
pub struct AssetService<E>(PhantomData<fn() -> E>);

type Fallback = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl<E> AssetService<E> {
    pub fn with_parameters(_fallback: Option<Fallback>, _index: Option<String>) -> Self {
        Self(PhantomData)
    }
}

impl<E> Service<Request<Body>> for AssetService<E> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(StatusCode::NOT_FOUND.into_response()))
    }
}
