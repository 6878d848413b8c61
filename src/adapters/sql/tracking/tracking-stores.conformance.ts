import { loggedModelStoreConformance } from "../../../tracking/logged-model-store.conformance.ts";
import { metricHistoryConformance } from "../../../tracking/metric-history.conformance.ts";
import { runSearchConformance } from "../../../tracking/run-search.conformance.ts";
import { trackingStoreConformance } from "../../../tracking/tracking-store.conformance.ts";
import type { trackingStoresOn } from "./tracking-stores.fixture.ts";

/** What the stores of tracking promise, for a dialect; each test opens a database of its own. */
export function trackingStoresConformance(adapter: string, open: () => Promise<ReturnType<typeof trackingStoresOn>>): void {
  trackingStoreConformance(adapter, open);
  metricHistoryConformance(adapter, open);
  runSearchConformance(adapter, open);
  loggedModelStoreConformance(adapter, open);
}
