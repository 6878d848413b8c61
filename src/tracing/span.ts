export type AttributeValue = string | number | bigint | boolean | readonly string[] | readonly number[] | readonly boolean[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface SpanEvent {
  name: string;
  /** Nanoseconds since 1970. */
  time: bigint;
  attributes: Attributes;
}

export interface SpanLink {
  traceId: string;
  spanId: string;
  attributes: Attributes;
}

/** One operation of a trace, as OpenTelemetry has it; attributes in the GenAI conventions v1.41.1, whichever dialect they came in. */
export interface Span {
  /** 32 small hex digits, not all 0. */
  traceId: string;
  /** 16 small hex digits, not all 0. */
  spanId: string;
  parentSpanId: string | null;
  name: string;
  kind: "internal" | "server" | "client" | "producer" | "consumer";
  /** Nanoseconds since 1970. */
  start: bigint;
  /** Null while it is under way. */
  end: bigint | null;
  status: { code: "unset" | "ok" | "error"; message: string };
  attributes: Attributes;
  events: readonly SpanEvent[];
  links: readonly SpanLink[];
  /** Of the program that made it, such as `service.name`. */
  resource: Attributes;
  scope: { name: string; version: string };
}

/** All parts in one, without what nobody said; of two of a name the later. Callers give parts, for objects that are spread into one another cost half as much again, for each call. */
export function presentAttributes(...parts: readonly (Readonly<Record<string, AttributeValue | null | undefined>> | null)[]): Attributes {
  const kept: Record<string, AttributeValue> = {};
  for (const part of parts) {
    for (const name in part) {
      const value = part[name];
      if (value !== null && value !== undefined) kept[name] = value;
    }
  }
  return kept;
}
