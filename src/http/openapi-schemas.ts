import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

export type JsonSchema = Record<string, unknown>;

/** `input` is what a caller may send, with defaults left out; `output` is what an answer holds. */
export type Direction = "input" | "output";

export interface SchemaUse {
  schema: z.ZodType;
  direction: Direction;
}

/**
 * Zod schemas as JSON Schema 2020-12 with one pool of named components. A schema with `.meta({ id })` becomes the
 * component of that name. Where the two directions of it differ, as defaults make them, `NameInput` stands beside `Name`:
 * that is why all uses must be known before the first is written.
 */
export class OpenApiSchemas {
  readonly #named = { input: new Map<string, JsonSchema>(), output: new Map<string, JsonSchema>() };
  readonly #split: Set<string>;

  /** Throws when two different schemas share an id, or when a recursive one has none. */
  constructor(uses: readonly SchemaUse[]) {
    for (const { schema, direction } of uses) {
      for (const [name, definition] of Object.entries(convert(schema, direction).definitions)) {
        if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) throw new Error(`A schema that refers to itself needs .meta({ id }); zod calls it ${name}.`);
        const known = this.#named[direction].get(name);
        if (known !== undefined && !isDeepStrictEqual(known, definition)) throw new Error(`Two different schemas are called ${name}.`);
        this.#named[direction].set(name, definition);
      }
    }
    this.#split = this.#namesThatDiffer();
  }

  /** The schema where it is used: a reference when it has an id. */
  write(schema: z.ZodType, direction: Direction): JsonSchema {
    return this.#pointToComponents(convert(schema, direction).schema, direction);
  }

  /** All named schemas, sorted by name. */
  components(): Record<string, JsonSchema> {
    const components: Record<string, JsonSchema> = {};
    for (const direction of ["output", "input"] as const) {
      for (const [name, definition] of this.#named[direction]) {
        components[this.#nameOf(name, direction)] ??= this.#pointToComponents(definition, direction);
      }
    }
    return Object.fromEntries(Object.entries(components).sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  #nameOf(name: string, direction: Direction): string {
    return direction === "input" && this.#split.has(name) ? `${name}Input` : name;
  }

  #pointToComponents(schema: JsonSchema, direction: Direction): JsonSchema {
    return mapReferences(schema, (name) => `#/components/schemas/${this.#nameOf(name, direction)}`);
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

/** One schema as zod writes it, with the named ones within it apart. */
function convert(schema: z.ZodType, direction: Direction): { schema: JsonSchema; definitions: Record<string, JsonSchema> } {
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
  return {
    schema: modernize(wrapped.properties.schema),
    definitions: Object.fromEntries(Object.entries(wrapped.$defs ?? {}).map(([name, definition]) => [name, modernize(definition)])),
  };
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

function mapReferences(schema: JsonSchema, referenceTo: (name: string) => string): JsonSchema {
  return mapSchema(schema, (part) => {
    const target = part.$ref;
    if (typeof target !== "string" || !target.startsWith(referencePrefix)) return part;
    return { ...part, $ref: referenceTo(target.slice(referencePrefix.length)) };
  });
}

function referencesOf(schema: JsonSchema): string[] {
  const names: string[] = [];
  mapReferences(schema, (name) => {
    names.push(name);
    return name;
  });
  return names;
}
