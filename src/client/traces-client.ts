import type { ApiClient } from "../core/api-client.ts";
import type { TraceList, TraceSearchQuery, TraceSummary, TraceView } from "../tracing/index.ts";

/** Traces of a running Slipway: `client.traces`. */
export class TracesClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /**
   * One page; `next` leads on as `after`, and is null at the end. A search for a text or an attribute ends its page after some 30,000 spans: it may then be short or empty, and `searchedUntil` says how far it looked.
   */
  search({ attributes, errors, ...query }: TraceSearchQuery = {}): Promise<TraceList> {
    return this.#api.get("/api/traces", { ...query, errors: errors === undefined ? undefined : String(errors), attributes: attributes === undefined ? undefined : JSON.stringify(attributes) });
  }

  /** All that are found, page by page: each is asked for when those before have been taken. */
  async *searchAll(query: Omit<TraceSearchQuery, "after"> = {}): AsyncGenerator<TraceSummary, void, undefined> {
    for (let after: string | undefined; ;) {
      const { traces, next } = await this.search({ ...query, ...(after === undefined ? {} : { after }) });
      yield* traces;
      if (next === null) return;
      after = next;
    }
  }

  /** With its spans and feedback. `team` says whose it is, where several have one of this id. */
  find(traceId: string, { team }: { team?: string } = {}): Promise<TraceView> {
    return this.#api.get(`/api/traces/${encodeURIComponent(traceId)}`, { team });
  }
}
