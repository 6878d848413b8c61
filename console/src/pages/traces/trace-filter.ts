/** What the filter bar has in the address, by the names of its parameters. */
export const filterNames = ["q", "status", "service", "model", "session", "user", "slower", "cost", "attributes"] as const;
export type FilterName = (typeof filterNames)[number];

export interface ReadFilter {
  /** Parameters of `GET /api/traces`. */
  parameters: Record<string, string>;
  /** What is written in a way that cannot be read, by name. */
  problems: Partial<Record<FilterName, string>>;
}

const millisecondsIn: Record<string, number> = { "": 1, ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 };

/** `250`, `250 ms`, `1.5s`, `2 min`; null for anything else. */
export function readDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|)$/i.exec(text.trim());
  return match === null ? null : Number(match[1]) * millisecondsIn[match[2]!.toLowerCase()]!;
}

/** Dollars, with or without their sign, as billionths; null for anything else. */
export function readDollars(text: string): number | null {
  const match = /^\$?\s*(\d+(?:\.\d+)?)$/.exec(text.trim());
  return match === null ? null : Math.round(Number(match[1]) * 1e9);
}

/** `key=value, other=value`; a comma that no `key=` follows belongs to the value. Null where a key is missing. */
export function readAttributes(text: string): Record<string, string> | null {
  const found: Record<string, string> = {};
  for (const pair of text.split(/,\s*(?=[^\s=,]+=)/)) {
    const at = pair.indexOf("=");
    if (at < 1) return null;
    found[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }
  return found;
}

/** Reads the filter out of the address; what cannot be read filters nothing and is a problem. */
export function readFilter(get: (name: string) => string | null): ReadFilter {
  const parameters: Record<string, string> = {};
  const problems: ReadFilter["problems"] = {};
  const given = (name: FilterName): string | null => (get(name)?.trim() === "" ? null : (get(name)?.trim() ?? null));
  const text = given("q");
  if (text !== null) parameters.text = text;
  const status = given("status");
  if (status === "error" || status === "ok") parameters.errors = String(status === "error");
  for (const name of ["service", "model", "session", "user"] as const) {
    const value = given(name);
    if (value !== null) parameters[name] = value;
  }
  const slower = given("slower");
  if (slower !== null) {
    const milliseconds = readDuration(slower);
    if (milliseconds === null) problems.slower = "such as 250 ms, 2s or 1 min";
    else parameters.slowerThanMs = String(milliseconds);
  }
  const cost = given("cost");
  if (cost !== null) {
    const billionths = readDollars(cost);
    if (billionths === null) problems.cost = "dollars, such as 0.01";
    else parameters.minCost = String(billionths);
  }
  const attributes = given("attributes");
  if (attributes !== null) {
    const pairs = readAttributes(attributes);
    if (pairs === null) problems.attributes = "key=value, with commas between several";
    else parameters.attributes = JSON.stringify(pairs);
  }
  return { parameters, problems };
}
