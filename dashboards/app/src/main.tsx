// Where the application begins.

import { StrictMode, Suspense, lazy } from "react";
import { createRoot } from "react-dom/client";
import { beginSession } from "./api/session";
import { App } from "./frame/app";
import { loadPlaceOf } from "./frame/places";
import "./style/tokens.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/pages.css";
import "./style/boards.css";

// Dashboards that were given away are seen without signing in.
const Shared = lazy(() => import("./boards/shared").then(({ Shared }) => ({ default: Shared })));
const isShared = location.pathname === "/shared" || location.pathname.startsWith("/embedded/");

// Who looks and what they look at are asked for side by side, before anything is drawn.
if (!isShared) {
  beginSession();
  loadPlaceOf(location.pathname);
}

const root = document.getElementById("root");
if (root) createRoot(root).render(<StrictMode>{isShared ? <Suspense><Shared /></Suspense> : <App />}</StrictMode>);
