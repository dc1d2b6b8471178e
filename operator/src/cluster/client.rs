//! The client of the API server, with every request counted.

use super::metrics::Metrics;
use anyhow::{Context as _, Result};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::USER_AGENT;
use http::{HeaderValue, StatusCode};
use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;
use tower::{Layer, Service};

/// A server that does not even accept is away.
const CONNECT: Duration = Duration::from_secs(5);

/// Requests that wait to be sent; more wait to be queued.
const QUEUE: usize = 1024;

/// Where the API server is, and as whom to speak to it.
#[derive(Debug)]
pub struct Access {
    /// How.
    pub config: Config,
    /// Whether the operator runs in the cluster, where pods' addresses are reached.
    pub is_inside: bool,
}

/// Finds the API server: by a kubeconfig if one is named or set, else from inside the cluster, else by the
/// kubeconfig of the home directory.
pub async fn access(kubeconfig: Option<&std::path::Path>, context: Option<&str>) -> Result<Access> {
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let is_named = kubeconfig.is_some() || context.is_some();
    let (mut config, is_inside) = match Config::incluster() {
        Ok(config) if !is_named => (config, true),
        _ => {
            let kubeconfig = match kubeconfig {
                // KUBECONFIG may name several, which are read together.
                Some(path) if path.to_string_lossy().contains(':') => {
                    Kubeconfig::read().context("read the files of KUBECONFIG")?
                }
                Some(path) => Kubeconfig::read_from(path)
                    .with_context(|| format!("read --kubeconfig {}", path.display()))?,
                None => Kubeconfig::read().context(
                    "find the API server: there is neither a service account nor a kubeconfig (--kubeconfig, KUBECONFIG)",
                )?,
            };
            let config = Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .context("use the kubeconfig")?;
            (config, false)
        }
    };
    config.connect_timeout = Some(CONNECT);
    // A watch says nothing for minutes; each request has a limit of its own.
    config.read_timeout = None;
    let agent =
        HeaderValue::from_static(concat!("mailaccess-operator/", env!("CARGO_PKG_VERSION")));
    config.headers.push((USER_AGENT, agent));
    Ok(Access { config, is_inside })
}

/// A client whose requests are counted, and repeated where the server asks for that.
pub fn client(mut config: Config, metrics: &Arc<Metrics>) -> Result<Client> {
    // Repeated outside the counting, so that each attempt is counted.
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config).context("make the client")?;
    let builder = builder.with_layer(&Count(Arc::clone(metrics)));
    // What is repeated has to be there twice.
    let builder = builder.with_layer(&BufferLayer::new(QUEUE));
    let builder = builder.with_layer(&RetryLayer::new(RetryPolicy::server_retry()));
    Ok(builder.build())
}

/// One that repeats nothing, for questions that are asked again soon anyway.
pub fn impatient(mut config: Config, metrics: &Arc<Metrics>) -> Result<Client> {
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config).context("make the client")?;
    Ok(builder.with_layer(&Count(Arc::clone(metrics))).build())
}

/// Puts [`Counted`] around a service.
struct Count(Arc<Metrics>);

impl<S> Layer<S> for Count {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            metrics: Arc::clone(&self.0),
        }
    }
}

/// Counts requests by method and status.
#[derive(Clone)]
struct Counted<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S, B, R> Service<http::Request<B>> for Counted<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let mut asked = Asked {
            metrics: Arc::clone(&self.metrics),
            method: request.method().as_str().to_owned(),
            code: None,
        };
        let answer = self.inner.call(request);
        async move {
            let answer = answer.await;
            if let Ok(response) = &answer {
                asked.is_answered(response.status());
            }
            answer
        }
        .boxed()
    }
}

/// A request, which is counted when nobody waits for it any more: one that is given up because its time is over
/// was not answered either.
struct Asked {
    metrics: Arc<Metrics>,
    method: String,
    code: Option<StatusCode>,
}

impl Asked {
    fn is_answered(&mut self, code: StatusCode) {
        self.code = Some(code);
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let code = self.code.as_ref().map_or("<error>", StatusCode::as_str);
        self.metrics.requested(&self.method, code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future;

    type Answer = BoxFuture<'static, Result<http::Response<()>, &'static str>>;

    /// What is counted of a request with this answer that nobody waits for longer than a moment.
    fn check(answer: fn() -> Answer, expected: &str) {
        let metrics = Arc::new(Metrics::default());
        let server = tower::service_fn(move |_: http::Request<()>| answer());
        let asked = Count(Arc::clone(&metrics))
            .layer(server)
            .call(http::Request::new(()));
        drop(asked.now_or_never());
        let said = metrics.render(0, 0);
        let counted: Vec<_> = said
            .lines()
            .filter(|line| line.starts_with("rest_client_requests_total{"))
            .collect();
        assert_eq!(counted, [expected]);
    }

    #[test]
    fn each_request_is_counted_by_its_answer_or_as_one_without() {
        let with = |code| format!("rest_client_requests_total{{code=\"{code}\",method=\"GET\"}} 1");
        check(
            || future::ready(Ok(http::Response::new(()))).boxed(),
            &with("200"),
        );
        check(|| future::ready(Err("cut")).boxed(), &with("<error>"));
        check(|| future::pending().boxed(), &with("<error>"));
    }
}
