import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { epochMs, ManualClock } from "../../../../core/clock.ts";
import { translate } from "../../../../tracing/dialects/translate.ts";
import { exampleSpan } from "../../../../tracing/example-spans.fixture.ts";
import { traceStoreConformance } from "../../../../tracing/trace-store.conformance.ts";
import { SqlFeedbackFeed } from "../../sql-feedback-feed.ts";
import { SqlTraceStore } from "../../sql-trace-store.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("traces on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  traceStoreConformance("SQLite", async () => {
    const database = await databases.open();
    return { store: new SqlTraceStore(database), feed: new SqlFeedbackFeed(database) };
  });

  it("ends the page of a search for a text after a second, however few spans were looked through", async () => {
    const clock = new ManualClock();
    const store = new SqlTraceStore(await databases.open(), () => {
      clock.advance(600);
      return clock.monotonic();
    });
    await store.write(Array.from({ length: 3000 }, (_, index) => {
      const span = translate(exampleSpan(index + 1, 1));
      return { team: "default", experiment: null, span, isOwn: true, counts: true };
    }), epochMs(clock.now()));
    const page = await store.search({ visible: "all", attributes: {}, order: "start", limit: 5, text: "nowhere" });
    // Two statements of 500 traces: time was asked for at the beginning and after each.
    assert.deepEqual([page.items, page.searchedUntil], [[], clock.now() - 1800 + 2001 * 60_000 + 0.001]);
    assert.notEqual(page.next, null);
  });
});
