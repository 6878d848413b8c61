import { useSyncExternalStore } from "react";
import { invalidate } from "./resource.ts";
import type { Tick } from "./types.ts";

export type LiveStatus = "connecting" | "live" | "reconnecting";

interface LiveState {
  status: LiveStatus;
  tick: Tick | null;
}

let state: LiveState = { status: "connecting", tick: null };
const listeners = new Set<() => void>();
let source: EventSource | null = null;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let silenceTimer: ReturnType<typeof setTimeout> | undefined;
let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
let attempts = 0;

/** Ticks come every two seconds; after this long without one the connection is dead, whatever the socket says. */
const silenceMs = 9000;
/** A tab that nobody looks at for so long gives its connection back: browsers allow six to a server over HTTP/1.1, and a seventh tab would load nothing. */
const hiddenMs = 15_000;

function publish(change: Partial<LiveState>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

function connect(): void {
  clearTimeout(retryTimer);
  source?.close();
  const current = (source = new EventSource("/api/live"));
  let opened = false;
  const heard = (): void => {
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(retry, silenceMs);
  };
  current.onopen = () => {
    const wasLost = state.status === "reconnecting";
    opened = true;
    attempts = 0;
    heard();
    publish({ status: "live" });
    // Changes in between were missed.
    if (wasLost) invalidate(() => true);
  };
  current.addEventListener("tick", (event) => {
    heard();
    publish({ status: "live", tick: JSON.parse((event as MessageEvent<string>).data) as Tick });
  });
  current.addEventListener("change", (event) => {
    heard();
    const { kind, model } = JSON.parse((event as MessageEvent<string>).data) as { kind?: string; model?: string };
    invalidate((key) => key === "/api/models" || (kind === "rollout.changed" && key.startsWith("/api/rollouts")) || (model !== undefined && key.includes(`/api/models/${encodeURIComponent(model)}`)));
  });
  current.onerror = () => {
    if (current === source && (opened || state.status !== "live")) retry();
  };
}

/** The browser's own retry gives up on an error status; this one does not, and waits up to five seconds between attempts. */
function retry(): void {
  clearTimeout(silenceTimer);
  source?.close();
  source = null;
  publish({ status: "reconnecting" });
  attempts++;
  // A session that has ended looks like a lost connection from here.
  invalidate((key) => key === "/api/session");
  clearTimeout(retryTimer);
  retryTimer = setTimeout(connect, Math.min(5000, 500 * 2 ** Math.min(attempts, 4)));
}

/** The connection rests while the page is hidden, and what was missed meanwhile is fetched when the reader is back. */
function onVisibility(): void {
  clearTimeout(hiddenTimer);
  if (document.visibilityState === "hidden") hiddenTimer = setTimeout(rest, hiddenMs);
  else if (source === null) connect();
}

function rest(): void {
  clearTimeout(retryTimer);
  clearTimeout(silenceTimer);
  source?.close();
  source = null;
  publish({ status: "reconnecting" });
}

/** Opens the one connection of this page, until what it answers with is called: when the reader signs out. */
export function startLive(): () => void {
  connect();
  window.addEventListener("online", connect);
  // Leaving the page is no failure, and must not be painted as one.
  const onHide = (): void => source?.close();
  const onShow = (event: PageTransitionEvent): void => {
    if (event.persisted) connect();
  };
  window.addEventListener("pagehide", onHide);
  window.addEventListener("pageshow", onShow);
  document.addEventListener("visibilitychange", onVisibility);
  return () => {
    window.removeEventListener("online", connect);
    window.removeEventListener("pagehide", onHide);
    window.removeEventListener("pageshow", onShow);
    document.removeEventListener("visibilitychange", onVisibility);
    clearTimeout(hiddenTimer);
    rest();
    publish({ status: "connecting", tick: null });
  };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(subscribe, () => state.status);
}

export function useTick(): Tick | null {
  return useSyncExternalStore(subscribe, () => state.tick);
}
