/** One event of a `text/event-stream`. */
export interface ServerSentEvent {
  /** `message` where the stream does not say. */
  event: string;
  data: string;
}

/** What a server writes for one event; `id` comes back as Last-Event-ID when a browser connects again. */
export function formatServerSentEvent(event: string, data: unknown, id?: string | number): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Reads a stream of events as it arrives. An event that the end of the stream cuts off is left out. */
export async function* parseServerSentEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let unread = "";
  let event = "message";
  let data: string[] = [];
  for await (const chunk of chunks) {
    unread += decoder.decode(chunk, { stream: true });
    // A carriage return at the very end may be the first half of a line end.
    const lines = unread.split(/\r\n|\n|\r(?!$)/);
    unread = lines.pop()!;
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield { event, data: data.join("\n") };
        event = "message";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") event = value;
      else if (field === "data") data.push(value);
    }
  }
}
