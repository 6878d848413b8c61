import type { LogLine, WorkflowRun, WorkflowStep } from "../../data/types.ts";

/** What is known of a run that is followed. */
export interface RunFeed {
  run: WorkflowRun | null;
  /** By name, as the server told them last. */
  steps: ReadonlyMap<string, WorkflowStep>;
  /** Oldest first; the last `maxLines`. */
  lines: readonly LogLine[];
  /** Lines before the first one that is kept. */
  dropped: number;
  ended: boolean;
}

export type RunNews = { type: "line"; line: LogLine } | { type: "step"; step: WorkflowStep } | { type: "run"; run: WorkflowRun } | { type: "end"; run: WorkflowRun };

export const maxLines = 5000;

export const emptyFeed: RunFeed = { run: null, steps: new Map(), lines: [], dropped: 0, ended: false };

/** The feed after some news; a line that came before (after a lost connection) is taken once. */
export function takeNews(feed: RunFeed, news: readonly RunNews[]): RunFeed {
  let { run, ended, dropped } = feed;
  let steps: Map<string, WorkflowStep> | null = null;
  const fresh: LogLine[] = [];
  let last = lastSequence(feed);
  for (const entry of news) {
    if (entry.type === "line") {
      if (entry.line.sequence <= last) continue;
      last = entry.line.sequence;
      fresh.push(entry.line);
    } else if (entry.type === "step") {
      steps ??= new Map(feed.steps);
      steps.set(entry.step.step, entry.step);
    } else {
      run = entry.run;
      ended = entry.type === "end";
    }
  }
  let lines = fresh.length === 0 ? feed.lines : [...feed.lines, ...fresh];
  if (lines.length > maxLines) {
    dropped += lines.length - maxLines;
    lines = lines.slice(-maxLines);
  }
  return { run, steps: steps ?? feed.steps, lines, dropped, ended };
}

/** Sequence of the last known line; 0 before the first. */
export function lastSequence(feed: RunFeed): number {
  return feed.lines.at(-1)?.sequence ?? 0;
}
