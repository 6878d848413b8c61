import type { Attributes, AttributeValue, Span } from "./span.ts";
import type { StoredSpan } from "./stored-span.ts";

/** Of all attributes of a span, its events and its links together, keys and values. A call of a model with long messages and the tools that it had has some hundred thousand. */
const mostCharacters = 4 << 20;
const mostAttributes = 512;
/** Of a number, or of what stands around a text. */
const leastCharacters = 4;

const known = new WeakMap<Attributes, number>();

/** How long attributes are as JSON, about. What many spans share is looked at once. */
export function charactersOf(attributes: Attributes): number {
  let sum = known.get(attributes);
  if (sum === undefined) {
    sum = 0;
    for (const key in attributes) sum += leastCharacters + key.length + lengthOf(attributes[key]!);
    known.set(attributes, sum);
  }
  return sum;
}

/** Of what stands around the attributes. */
const frameCharacters = 500;
/** So many characters of spans wait in memory at one place, at most: for the end of their trace, for a collector, for their write. */
export const mostWaitingCharacters = 64 << 20;

/** How long a span is as JSON, about, with its resource, which it may share. */
export function charactersOfSpan({ attributes, original, resource, events, links }: StoredSpan): number {
  let sum = frameCharacters + charactersOf(attributes) + charactersOf(original) + charactersOf(resource);
  for (const event of events) sum += event.name.length + charactersOf(event.attributes);
  for (const link of links) sum += charactersOf(link.attributes);
  return sum;
}

/** Without what one span may not hold: of the values that go beyond, texts are cut off, and the rest is left out. Its own attributes count before those of events and links. */
export function boundedSpan(span: Span): Span {
  const { attributes, events, links } = span;
  const parts = [attributes, ...events.map((event) => event.attributes), ...links.map((link) => link.attributes)];
  if (parts.reduce((sum, part) => sum + charactersOf(part), 0) <= mostCharacters && parts.every((part) => Object.keys(part).length <= mostAttributes)) return span;
  let room = mostCharacters;
  const bounded = (given: Attributes): Attributes => {
    const kept: Record<string, AttributeValue> = {};
    for (const [key, value] of Object.entries(given).slice(0, mostAttributes)) {
      room -= leastCharacters + key.length;
      if (room <= 0) break;
      if (lengthOf(value) <= room) kept[key] = value;
      else if (typeof value === "string") kept[key] = value.slice(0, room).toWellFormed();
      else continue;
      room -= lengthOf(kept[key]!);
    }
    return kept;
  };
  return { ...span, attributes: bounded(attributes), events: events.map((event) => ({ ...event, attributes: bounded(event.attributes) })), links: links.map((link) => ({ ...link, attributes: bounded(link.attributes) })) };
}

function lengthOf(value: AttributeValue): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object") return leastCharacters;
  let sum = 0;
  for (const item of value) sum += leastCharacters + (typeof item === "string" ? item.length : leastCharacters);
  return sum;
}
