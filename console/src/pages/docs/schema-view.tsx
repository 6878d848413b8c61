import type { OpenApiDocument, Schema } from "../../data/open-api.ts";
import { withCode } from "../../parts/error-box.tsx";
import { limitWords, resolve, typeWords } from "./reference.ts";

/** How deep schemas are opened; deeper ones are named only. */
const maxDepth = 5;

/** The fields of a schema; those that hold fields themselves open below. */
export function SchemaView({ document, schema, depth = 0, seen = [] }: { document: OpenApiDocument; schema: Schema; depth?: number; seen?: readonly string[] }) {
  const { schema: target, name } = resolve(document, schema);
  const options = target.anyOf ?? target.oneOf;
  const trail = name === undefined ? seen : [...seen, name];
  if (options !== undefined) {
    const open = options.filter((option) => fieldsOf(document, option) !== null);
    if (open.length === 0) return <p className="muted">{typeWords(document, target)}</p>;
    return (
      <div className="schema-options">
        {open.map((option, index) => (
          <div key={index}>
            <p className="muted">{index === 0 ? "either" : "or"} {typeWords(document, option)}</p>
            <SchemaView document={document} schema={option} depth={depth + 1} seen={trail} />
          </div>
        ))}
      </div>
    );
  }
  if (target.type === "array" && target.items !== undefined) {
    return (
      <div className="schema-list">
        <p className="muted">list of {typeWords(document, target.items)}{target.items !== undefined && fieldsOf(document, target.items) !== null ? ", each:" : ""}</p>
        {fieldsOf(document, target.items) !== null && <SchemaView document={document} schema={target.items} depth={depth} seen={trail} />}
      </div>
    );
  }
  if (target.properties === undefined) return <p className="muted">{[typeWords(document, schema), target.description, ...limitWords(target)].filter((text) => text !== undefined).join(" · ")}</p>;
  return (
    <dl className="schema">
      {Object.entries(target.properties).map(([property, child]) => {
        const { schema: childTarget, name: childName } = resolve(document, child);
        const inner = fieldsOf(document, child);
        const opens = inner !== null && depth < maxDepth && (childName === undefined || !trail.includes(childName));
        const description = child.description ?? childTarget.description;
        return (
          <div key={property}>
            <dt>
              <code>{property}</code> <span className="muted">{typeWords(document, child)}</span>
              {target.required?.includes(property) === true && <span className="required">required</span>}
            </dt>
            <dd>
              {[description, ...limitWords(childTarget)].filter((text) => text !== undefined).map((text, index) => <span key={index}>{index > 0 && " · "}{withCode(text)}</span>)}
              {opens && (
                <details>
                  <summary className="muted">fields</summary>
                  <SchemaView document={document} schema={child} depth={depth + 1} seen={trail} />
                </details>
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

/** What of a schema has fields to show: itself, its elements, or one of its options; null when nothing has. */
function fieldsOf(document: OpenApiDocument, schema: Schema, depth = 0): Schema | null {
  const { schema: target } = resolve(document, schema);
  if (target.properties !== undefined) return target;
  if (depth > 4) return null;
  if (target.items !== undefined) return fieldsOf(document, target.items, depth + 1);
  for (const option of target.anyOf ?? target.oneOf ?? []) {
    const found = fieldsOf(document, option, depth + 1);
    if (found !== null) return found;
  }
  return null;
}
