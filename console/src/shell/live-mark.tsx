import { useLiveStatus } from "../data/live.ts";

const words = { connecting: "connecting", live: "live", reconnecting: "reconnecting" } as const;

/** Whether the figures on the page move by themselves. */
export function LiveMark() {
  const status = useLiveStatus();
  return (
    <span className={`live-mark live-mark-${status}`} role="status" title={status === "live" ? "Figures arrive as they happen" : "No connection for live figures; trying again"}>
      <span className="live-dot" aria-hidden="true" />
      {words[status]}
    </span>
  );
}
