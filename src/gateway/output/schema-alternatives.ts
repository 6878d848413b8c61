import type { Schema } from "./schema-limits.ts";

/** Ways in which a value may be valid: it must keep to all schemas of one of them. Null where there are too many to follow: then everything may be. */
export interface Alternative {
  schemas: readonly Schema[];
  /** Which alternative of the value around it this one belongs to. */
  parent: number;
}
export type Alternatives = readonly Alternative[] | null;

const mostAlternatives = 64;
const deepestReferences = 64;

/** Reads a schema as alternatives of plain conditions: `anyOf`, `oneOf` and `$ref` are resolved; `not`, `if` and the like are left to the check of the whole. */
export class SchemaReader {
  readonly #root: unknown;
  readonly #known = new Map<unknown, readonly (readonly Schema[])[] | null>();

  constructor(root: unknown) {
    this.#root = root;
  }

  /** `false` has no alternative; `true` has one without a condition. */
  read(schema: unknown): readonly (readonly Schema[])[] | null {
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    const found = this.#expand(schema, 0);
    this.#known.set(schema, found);
    return found;
  }

  #expand(schema: unknown, depth: number): readonly (readonly Schema[])[] | null {
    if (schema === false) return [];
    if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return [[]];
    if (depth > deepestReferences) return null;
    const conditions = schema as Schema;
    let ways: readonly (readonly Schema[])[] | null = [[conditions]];
    const { $ref, allOf } = conditions;
    if (typeof $ref === "string") {
      const target = this.#resolve($ref);
      ways = target === undefined ? null : both(ways, this.#expand(target, depth + 1));
    }
    if (Array.isArray(allOf)) for (const part of allOf as unknown[]) ways = both(ways, this.#expand(part, depth + 1));
    for (const choice of [conditions.anyOf, conditions.oneOf]) {
      if (!Array.isArray(choice)) continue;
      const either: (readonly Schema[])[] = [];
      let isTooMany = false;
      for (const part of choice as unknown[]) {
        const found = this.#expand(part, depth + 1);
        if (found === null || either.length + found.length > mostAlternatives) {
          isTooMany = true;
          break;
        }
        either.push(...found);
      }
      ways = both(ways, isTooMany ? null : either);
    }
    return ways;
  }

  /** Part of the schema that a reference such as `#/$defs/Node` names; undefined for other kinds of reference. */
  #resolve(reference: string): unknown {
    if (reference === "#") return this.#root;
    if (!reference.startsWith("#/")) return undefined;
    let target = this.#root;
    for (const step of reference.slice(2).split("/")) {
      let key: string;
      try {
        key = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
      } catch {
        return undefined;
      }
      if (typeof target !== "object" || target === null || !Object.hasOwn(target, key)) return undefined;
      target = (target as Record<string, unknown>)[key];
    }
    return target;
  }
}

/** A value that keeps to both. A null on one side lets everything pass there, so that the other side still counts. */
function both(one: readonly (readonly Schema[])[] | null, other: readonly (readonly Schema[])[] | null): readonly (readonly Schema[])[] | null {
  if (one === null || other === null) return one ?? other;
  if (one.length * other.length > mostAlternatives) return one;
  return one.flatMap((left) => other.map((right) => [...left, ...right]));
}
