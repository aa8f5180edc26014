// Where the application begins.

import { StrictMode, Suspense, lazy } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./frame/app";
import "./style/tokens.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/pages.css";
import "./style/boards.css";

// Dashboards that were given away are seen without signing in.
const Shared = lazy(() => import("./boards/shared").then(({ Shared }) => ({ default: Shared })));
const isShared = location.pathname === "/shared" || location.pathname.startsWith("/embedded/");

const root = document.getElementById("root");
if (root) createRoot(root).render(<StrictMode>{isShared ? <Suspense><Shared /></Suspense> : <App />}</StrictMode>);
