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
