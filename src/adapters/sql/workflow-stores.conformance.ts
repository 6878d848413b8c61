import { runDirectoryConformance } from "../../workflows/run-directory.conformance.ts";
import { scheduleStoreConformance } from "../../workflows/schedule-store.conformance.ts";
import { signalStoreConformance } from "../../workflows/signal-store.conformance.ts";
import { workflowStoreConformance } from "../../workflows/workflow-store.conformance.ts";
import type { workflowStoresOn } from "./workflow-stores.fixture.ts";

/** What the four stores of workflows promise, for a dialect; each test opens a database of its own. */
export function workflowStoresConformance(adapter: string, open: () => Promise<ReturnType<typeof workflowStoresOn>>): void {
  workflowStoreConformance(adapter, open);
  runDirectoryConformance(adapter, open);
  signalStoreConformance(adapter, open);
  scheduleStoreConformance(adapter, open);
}
