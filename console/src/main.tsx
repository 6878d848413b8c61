import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { startLive } from "./data/live.ts";
import { ErrorBoundary } from "./parts/error-boundary.tsx";
import "./styles/index.css";

startLive();
createRoot(document.getElementById("root")!).render(
  <ErrorBoundary>
    <App />
  </ErrorBoundary>,
);
