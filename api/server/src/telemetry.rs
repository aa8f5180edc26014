//! Metrics in Prometheus' text format, collected from the `metrics` facade that the whole program writes to.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use footfall_api_access::Permission;
use footfall_api_app::May;
use footfall_api_http::{Access, Answer, Operation, Problem, Routes, get, public};
use http::{StatusCode, header};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::Probes;

/// Upper bounds of the histograms named `…_seconds`: from a tenth of a millisecond to a minute.
const SECONDS: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// How often samples move from the recorder's buffers into the histograms when nobody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

/// Where the metrics can be read.
#[derive(Clone)]
pub struct Telemetry(PrometheusHandle);

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the histograms' bounds: {0}")]
    Bounds(#[from] metrics_exporter_prometheus::BuildError),
    #[error("another recorder of metrics is installed already")]
    Installed,
}

impl Telemetry {
    /// Makes the recorder and installs it for the whole process. Run [`Telemetry::upkeep`] beside it.
    pub fn install() -> Result<Telemetry, TelemetryError> {
        let (recorder, telemetry) = Telemetry::recorder()?;
        metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Installed)?;
        Ok(telemetry)
    }

    /// The recorder without installing it, for a test or another kind of process.
    pub fn recorder() -> Result<(impl metrics::Recorder + Sync + 'static, Telemetry), TelemetryError> {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?;
        let recorder = builder.build_recorder();
        let telemetry = Telemetry(recorder.handle());
        Ok((recorder, telemetry))
    }

    /// Keeps the recorder's buffers short; never returns.
    pub async fn upkeep(&self) {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            self.0.run_upkeep();
        }
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// The route: for everybody, or for the operator alone where the settings say so.
pub(crate) fn routes(is_private: bool) -> Routes<Probes, May> {
    let access: Access<May> = match is_private {
        true => May(Permission::InstallationManage).into(),
        false => public("Numbers about the program itself, of no project. `server.metrics_private` closes it."),
    };
    let about = "Metrics in Prometheus' text format.";
    Routes::new("metrics", "How the program does.", [get("/metrics", access, metrics, about)])
}

struct Exposition(String);

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        let headers =
            [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
        (headers, self.0).into_response()
    }
}

impl Answer for Exposition {
    fn describe(operation: &mut Operation<'_>) {
        let text = serde_json::json!({"type": "string"});
        operation.replies(StatusCode::OK, "The metrics.", &[], vec![("text/plain", text)]);
    }
}

async fn metrics(State(probes): State<Probes>) -> Result<Exposition, Problem> {
    Ok(Exposition(probes.telemetry.render()))
}
