import type { ApiClient } from "../core/api-client.ts";
import type { AddedRow, Feedback, GivenFeedback, TraceList, TraceSession, TraceSearchQuery, TraceSummary, TraceView } from "../tracing/index.ts";

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

  /** Of traces that share a session, the last first; `next` leads on as `after`. */
  sessions(query: { user?: string; after?: string; limit?: number } = {}): Promise<{ sessions: TraceSession[]; next: string | null }> {
    return this.#api.get("/api/sessions", query);
  }

  /** What somebody or something thinks of a trace or one of its spans, or what should have come out (`kind: "expectation"`). With the id of one that is there, its next revision. */
  addFeedback(traceId: string, feedback: GivenFeedback, { team }: { team?: string } = {}): Promise<Feedback> {
    return this.#api.send("POST", `/api/traces/${encodeURIComponent(traceId)}/feedback`, feedback, { team });
  }

  /** Makes the trace a row of the dataset's next version; where the dataset has it already, only with `again`. */
  addToDataset(traceId: string, dataset: string, { again, team }: { again?: boolean; team?: string } = {}): Promise<AddedRow> {
    return this.#api.send("POST", `/api/traces/${encodeURIComponent(traceId)}/dataset-row`, { dataset, ...(again === undefined ? {} : { again }) }, { team });
  }
}
