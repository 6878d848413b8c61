import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

export type JsonSchema = Record<string, unknown>;

/** `input` is what a caller may send, with defaults left out; `output` is what an answer holds. */
export type Direction = "input" | "output";

/**
 * Zod schemas as JSON Schema 2020-12 with one pool of named components. A schema with `.meta({ id })` becomes the
 * component of that name. Where the two directions of it differ, as defaults make them, `NameInput` stands beside `Name`.
 */
export class OpenApiSchemas {
  readonly #named = { input: new Map<string, JsonSchema>(), output: new Map<string, JsonSchema>() };
  readonly #used: { schema: JsonSchema; direction: Direction }[] = [];

  /** The schema with references that `components()` completes: read it only after that call. */
  add(schema: z.ZodType, direction: Direction): JsonSchema {
    // Inside of an object, a schema with an id becomes a reference like everywhere else.
    const wrapped = z.toJSONSchema(z.object({ schema }), {
      io: direction,
      unrepresentable: "any",
      override: ({ zodSchema, jsonSchema }) => {
        // Answers may gain fields in later releases; only schemas that say "strict" refuse unknown ones.
        const definition = zodSchema._zod.def;
        if (definition.type === "object" && definition.catchall === undefined) delete jsonSchema.additionalProperties;
      },
    }) as unknown as { properties: { schema: JsonSchema }; $defs?: Record<string, JsonSchema> };
    for (const [name, definition] of Object.entries(wrapped.$defs ?? {})) {
      if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) throw new Error(`A schema that several places use needs .meta({ id }); zod calls it ${name}.`);
      const known = this.#named[direction].get(name);
      const plain = modernize(definition);
      if (known !== undefined && !isDeepStrictEqual(known, plain)) throw new Error(`Two different schemas are called ${name}.`);
      this.#named[direction].set(name, plain);
    }
    const result = modernize(wrapped.properties.schema);
    this.#used.push({ schema: result, direction });
    return result;
  }

  /** All named schemas, sorted; every reference in them and in what `add` returned now points to them. */
  components(): Record<string, JsonSchema> {
    const split = this.#namesThatDiffer();
    const nameOf = (name: string, direction: Direction): string => (direction === "input" && split.has(name) ? `${name}Input` : name);
    const components: Record<string, JsonSchema> = {};
    for (const direction of ["output", "input"] as const) {
      for (const [name, definition] of this.#named[direction]) {
        components[nameOf(name, direction)] ??= pointReferences(definition, (target) => nameOf(target, direction));
      }
    }
    for (const { schema, direction } of this.#used) {
      Object.assign(schema, pointReferences(schema, (target) => nameOf(target, direction)));
    }
    return Object.fromEntries(Object.entries(components).sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  /** Names whose two directions differ, themselves or in anything that they refer to. */
  #namesThatDiffer(): Set<string> {
    const { input, output } = this.#named;
    const both = [...input.keys()].filter((name) => output.has(name));
    const split = new Set(both.filter((name) => !isDeepStrictEqual(input.get(name), output.get(name))));
    for (let size = -1; size !== split.size; ) {
      size = split.size;
      for (const name of both) if (referencesOf(input.get(name)!).some((target) => split.has(target))) split.add(name);
    }
    return split;
  }
}

const referencePrefix = "#/$defs/";

/** A copy in which `change` was applied to every schema within the schema; data, such as defaults and examples, stays as it is. */
function mapSchema(schema: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const visit = (value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? mapSchema(value as JsonSchema, change) : value;
  const entries = Object.entries(schema).map(([keyword, value]) => {
    switch (keyword) {
      case "properties":
      case "patternProperties":
        return [keyword, Object.fromEntries(Object.entries(value as JsonSchema).map(([name, item]) => [name, visit(item)]))];
      case "allOf":
      case "anyOf":
      case "oneOf":
      case "prefixItems":
        return [keyword, (value as unknown[]).map(visit)];
      case "additionalProperties":
      case "items":
      case "not":
      case "propertyNames":
        return [keyword, visit(value)];
      default:
        return [keyword, value];
    }
  });
  return change(Object.fromEntries(entries) as JsonSchema);
}

/** As OpenAPI 3.1 has it, without the bounds that only say "a whole number of JavaScript". */
function modernize(schema: JsonSchema): JsonSchema {
  return mapSchema(schema, ({ $schema: _dialect, id: _id, example, ...rest }) => {
    if (rest.maximum === Number.MAX_SAFE_INTEGER) delete rest.maximum;
    if (rest.minimum === Number.MIN_SAFE_INTEGER) delete rest.minimum;
    return example === undefined ? rest : { ...rest, examples: [example] };
  });
}

function pointReferences(schema: JsonSchema, nameOf: (name: string) => string): JsonSchema {
  return mapSchema(schema, (part) => {
    const target = part.$ref;
    if (typeof target !== "string" || !target.startsWith(referencePrefix)) return part;
    return { ...part, $ref: `#/components/schemas/${nameOf(target.slice(referencePrefix.length))}` };
  });
}

function referencesOf(schema: JsonSchema): string[] {
  const names: string[] = [];
  pointReferences(schema, (name) => {
    names.push(name);
    return name;
  });
  return names;
}
