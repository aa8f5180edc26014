//! What client libraries ask for before they send anything: settings and remote configuration. Flags have doors of their own.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::answer;
use crate::doors::Doors;
use crate::head::Head;
use crate::keys::WriteKeys;

/// Where the browser reached us, as `(protocol, host)`.
fn address(headers: &HeaderMap) -> (String, String) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let first = |value: &str| value.split(',').next().unwrap_or_default().trim().to_owned();
    let protocol = header("x-forwarded-proto").map_or_else(|| "http".to_owned(), first);
    let host = header("x-forwarded-host").or(header("host")).map_or_else(|| "localhost".to_owned(), first);
    (protocol, host)
}

/// Settings for analytics-next: one integration, ourselves.
pub(crate) async fn segment_settings(
    State(keys): State<Arc<dyn WriteKeys>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    if keys.resolve(&key).is_none() {
        return answer::json(
            404,
            &json!({"success": false, "code": "key_unknown", "message": "the write key is unknown"}),
        );
    }
    // Whoever asks names the host, so that no cache may give the answer to others.
    let (protocol, host) = address(&headers);
    let segment = json!({
        "apiKey": key,
        "apiHost": format!("{host}/v1"),
        "protocol": protocol,
        "unbundledIntegrations": [],
        "addBundledMetadata": true,
        "maybeBundledConfigIds": {},
        "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
    });
    let always = json!({"__default": {"enabled": true, "integrations": {}}});
    let mut response = answer::json(
        200,
        &json!({
            "integrations": {"Segment.io": segment},
            "plan": {"track": always, "identify": always, "group": always},
            "edgeFunction": {},
            "analyticsNextEnabled": true,
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "metrics": {"sampleRate": 0.0, "host": format!("{host}/v1")},
            "legacyVideoPluginsEnabled": false,
            "remotePlugins": [],
        }),
    );
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The source's configuration for RudderStack's browser client, which does not start without.
pub(crate) async fn rudder_source_config(State(doors): State<Doors>, request: Request) -> Response {
    let head = Head::of(request.headers(), request.uri());
    let Some(key) = head.key.filter(|key| doors.inner.keys.resolve(key).is_some()) else {
        return answer::json(401, &json!({"message": "the write key is missing or unknown"}));
    };
    let collection = json!({"errors": {"enabled": false}, "metrics": {"enabled": false}});
    answer::json(
        200,
        &json!({"source": {
            "id": "footfall",
            "name": "footfall",
            "writeKey": key,
            "workspaceId": "footfall",
            "enabled": true,
            "config": {"statsCollection": collection},
            "connections": [],
            "destinations": [],
            "dataplanes": {},
        }}),
    )
}

fn remote_config(token: &str) -> Value {
    json!({
        "token": token,
        "supportedCompression": ["gzip", "gzip-js"],
        "hasFeatureFlags": true,
        "captureDeadClicks": false,
        "capturePerformance": false,
        "autocapture_opt_out": false,
        "autocaptureExceptions": false,
        "analytics": {"endpoint": "/i/v0/e/"},
        "elementsChainAsString": true,
        "sessionRecording": false,
        "heatmaps": false,
        "surveys": false,
        "productTours": false,
        "conversations": false,
        "logs": {"captureConsoleLogs": false},
        "defaultIdentifiedOnly": true,
        "toolbarParams": {},
        "isAuthenticated": false,
        "siteApps": [],
    })
}

/// Remote configuration for posthog-js.
pub(crate) async fn posthog_config(Path(token): Path<String>) -> Response {
    answer::json(200, &remote_config(&token))
}

/// The same as a script, which posthog-js asks for first.
pub(crate) async fn posthog_config_script(Path(token): Path<String>) -> Response {
    // `<` is escaped so that the token cannot end a script element.
    let config = json!({"config": remote_config(&token), "siteApps": []}).to_string().replace('<', "\\u003c");
    let token = crate::json::quoted(&token).replace('<', "\\u003c");
    let script = format!(
        "(function(){{window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{{}};\
         window._POSTHOG_REMOTE_CONFIG[{token}]={config};}})();"
    );
    answer::text(200, "application/javascript", script)
}
