import { useEffect, useState } from "react";
import { apiPath } from "../../data/api.ts";
import { invalidate } from "../../data/resource.ts";
import type { LogLine, WorkflowRun, WorkflowStep } from "../../data/types.ts";
import { emptyFeed, lastSequence, takeNews, type RunFeed, type RunNews } from "./run-feed.ts";

export type FeedStatus = "connecting" | "live" | "lost" | "ended";

/** News is drawn so often at most, whatever the speed at which a program prints. */
const drawMs = 100;
const retryMs = 2000;

/**
 * Follows a run: what it has written so far, then what it writes, until its end. `episode` changes when it goes on after
 * an end.
 */
export function useRunFeed(id: string, episode: number): RunFeed & { status: FeedStatus } {
  const [feed, setFeed] = useState<RunFeed>(emptyFeed);
  const [status, setStatus] = useState<FeedStatus>("connecting");

  useEffect(() => {
    let source: EventSource | null = null;
    let known = emptyFeed;
    let waiting: RunNews[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;

    const draw = (): void => {
      timer = undefined;
      known = takeNews(known, waiting);
      waiting = [];
      setFeed(known);
    };
    const take = (news: RunNews): void => {
      waiting.push(news);
      timer ??= setTimeout(draw, drawMs);
    };
    const open = (): void => {
      if (waiting.length > 0) {
        clearTimeout(timer);
        draw();
      }
      const current = (source = new EventSource(`${apiPath`/api/workflow-runs/${id}/log`}?after=${lastSequence(known)}`));
      const read = <Data,>(event: Event): Data => JSON.parse((event as MessageEvent<string>).data) as Data;
      current.onopen = () => setStatus("live");
      current.addEventListener("line", (event) => take({ type: "line", line: read<LogLine>(event) }));
      current.addEventListener("step", (event) => take({ type: "step", step: read<{ step: WorkflowStep }>(event).step }));
      current.addEventListener("run", (event) => take({ type: "run", run: read<{ run: WorkflowRun }>(event).run }));
      current.addEventListener("end", (event) => {
        over = true;
        current.close();
        take({ type: "end", run: read<{ run: WorkflowRun }>(event).run });
        setStatus("ended");
        invalidate((key) => key.startsWith("/api/workflow"));
      });
      current.onerror = () => {
        if (over || source !== current) return;
        // The browser's own retry gives up at an error status.
        current.close();
        setStatus("lost");
        retry = setTimeout(open, retryMs);
      };
    };
    let retry: ReturnType<typeof setTimeout> | undefined;
    setFeed(emptyFeed);
    setStatus("connecting");
    open();
    return () => {
      over = true;
      clearTimeout(timer);
      clearTimeout(retry);
      source?.close();
    };
  }, [id, episode]);

  return { ...feed, status };
}
