// Where the application begins.

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./frame/app";
import "./style/tokens.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/pages.css";

const root = document.getElementById("root");
if (root) createRoot(root).render(<StrictMode><App /></StrictMode>);
