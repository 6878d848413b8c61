import { epochMs, type EpochMs } from "../core/clock.ts";
import type { DomainEvent } from "../core/domain-event.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import type { LoggedModelStore } from "./logged-model-store.ts";
import type { Metric, Page, Tag } from "./schemas.ts";
import type { RunChanges, TrackingStore } from "./tracking-store.ts";

/** All over one new, empty database. */
export interface TrackingStores {
  store: TrackingStore;
  models: LoggedModelStore;
  /** Has the team `default` at first. */
  teams: {
    add(team: { name: string; description: string }, by: { actor: string; now: EpochMs }): Promise<void>;
    remove(name: string, by: { actor: string; now: EpochMs }): Promise<void>;
  };
  /** What the outbox has, oldest first. */
  events(): Promise<Pick<DomainEvent, "type" | "object" | "team" | "payload">[]>;
}

export const storeNow = epochMs(1_700_000_000_000);
export const by = { actor: "key:a", now: storeNow };

export const failsWith = (code: ErrorCode) => (error: unknown): boolean => error instanceof AppError && error.code === code;

export const runId = (number: number): string => number.toString(16).padStart(32, "0");

export async function newExperiment(store: TrackingStore, name = "e", change: { tags?: Tag[]; team?: string } = {}): Promise<string> {
  const { id } = await store.createExperiment({ name, artifactLocation: "mlflow-artifacts:/{id}", tags: [], team: "default", ...by, ...change });
  return id;
}

/** Makes a run with what it logs. */
export async function newRun(
  store: TrackingStore, experiment: string, number: number, change: Partial<RunChanges> & { startTime?: number; name?: string; user?: string } = {},
): Promise<string> {
  const id = runId(number);
  const { startTime = number, name = `run ${number}`, user = "u", metrics = [], params = [], tags = [] } = change;
  await store.createRun({ id, experiment, name, user, startTime, artifactUri: `mlflow-artifacts:/${experiment}/${id}/artifacts`, tags, ...by });
  if (metrics.length + params.length > 0) await store.logToRun(id, { metrics, params, tags: [] }, storeNow);
  return id;
}

export const point = (key: string, value: number, step = 0, timestamp = 1): Metric => ({ key, value, step, timestamp });
export const pairs = (record: Record<string, string>): Tag[] => Object.entries(record).map(([key, value]) => ({ key, value }));

/** Everything, page by page. */
export async function allPages<Item>(read: (after: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  for (let after: string | null = null; ; ) {
    const page: Page<Item> = await read(after);
    items.push(...page.items);
    if (page.next === null) return items;
    after = page.next;
  }
}
