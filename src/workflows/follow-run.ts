import { setTimeout as wait } from "node:timers/promises";
import type { ApiClient } from "../core/api-client.ts";
import { AppError } from "../core/errors.ts";
import type { LogLine, WorkflowRun, WorkflowStep } from "./schemas.ts";
import type { RunEvent } from "./workflow-service.ts";

const endStates: ReadonlySet<WorkflowRun["state"]> = new Set(["succeeded", "failed", "cancelled"]);

export function hasEnded(run: Pick<WorkflowRun, "state">): boolean {
  return endStates.has(run.state);
}

/**
 * The log of a run after the line `after`, its steps and its state, and then what changes, until `end`. Each
 * line comes once. A server that goes away is waited for, as long as it was there at first.
 */
export async function* followRun(api: ApiClient, run: string, options: { after?: number; signal?: AbortSignal; retryMs?: number } = {}): AsyncGenerator<RunEvent> {
  const { signal, retryMs = 1000 } = options;
  let after = options.after ?? 0;
  let connected = false;
  for (;;) {
    try {
      for await (const { event, data } of api.follow(`/api/workflow-runs/${encodeURIComponent(run)}/log?after=${after}`, signal)) {
        connected = true;
        const value = JSON.parse(data) as never;
        if (event === "line") {
          const line: LogLine = value;
          after = line.sequence;
          yield { type: "line", line };
        } else if (event === "step") yield { type: "step", ...(value as { step: WorkflowStep }) };
        else if (event === "run" || event === "end") yield { type: event, ...(value as { run: WorkflowRun }) };
        if (event === "end") return;
      }
    } catch (error) {
      if (signal?.aborted === true) return;
      const isAway = error instanceof AppError && (error.code === "SERVER_UNREACHABLE" || error.status === 503);
      if (!connected || !isAway) throw error;
    }
    if (signal?.aborted === true) return;
    await wait(retryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Waits for a run's end and says its state, share and note each time that they change. Answers with the run as it ended, or as it is when its log cannot be followed on. */
export async function followToEnd(api: ApiClient, id: string, onProgress: (text: string) => void): Promise<WorkflowRun> {
  let last: WorkflowRun | undefined;
  let told = "";
  for await (const event of followRun(api, id)) {
    if (event.type !== "run" && event.type !== "end") continue;
    last = event.run;
    const text = `  ${last.state}${last.progress === null ? "" : ` ${Math.round(last.progress * 100)}%`}${last.progressNote === null ? "" : ` ${last.progressNote}`}`;
    if (text !== told) onProgress(text);
    told = text;
  }
  return last !== undefined && hasEnded(last) ? last : (await api.get<{ run: WorkflowRun }>(`/api/workflow-runs/${encodeURIComponent(id)}`)).run;
}
