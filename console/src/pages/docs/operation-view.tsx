import type { OpenApiContent, OpenApiDocument } from "../../data/open-api.ts";
import { Chip } from "../../parts/chip.tsx";
import { CodeBlock } from "../../parts/copy.tsx";
import { withCode } from "../../parts/error-box.tsx";
import { curlOf, limitWords, resolve, typeWords, type Operation } from "./reference.ts";
import { SchemaView } from "./schema-view.tsx";

export function OperationView({ document, operation }: { document: OpenApiDocument; operation: Operation }) {
  const parameters = operation.parameters ?? [];
  const success = Object.entries(operation.responses ?? {}).find(([status]) => status.startsWith("2"));
  return (
    <article className="panel operation" id={operation.id} aria-labelledby={`${operation.id}-title`}>
      <h3 id={`${operation.id}-title`}>
        <a href={`#${operation.id}`} className="operation-link">
          <span className={`method method-${operation.method.toLowerCase()}`}>{operation.method}</span>
          <code>{pathParts(operation.path)}</code>
        </a>
      </h3>
      {operation["x-slipway-access"] !== undefined && operation["x-slipway-access"] !== "public" && <span className="operation-access"><Chip title="Who may call it, once there are keys">{operation["x-slipway-access"]}</Chip></span>}
      <p className="operation-summary">{withCode(operation.summary ?? "")}</p>
      {operation.description !== undefined && <p className="muted">{withCode(operation.description)}</p>}
      {parameters.length > 0 && (
        <details>
          <summary>Parameters <span className="muted">{parameters.map(({ name }) => name).join(", ")}</span></summary>
          <dl className="schema">
            {parameters.map((parameter) => {
              const { schema } = resolve(document, parameter.schema ?? {});
              return (
                <div key={`${parameter.in} ${parameter.name}`}>
                  <dt>
                    <code>{parameter.name}</code> <span className="muted">in {parameter.in} · {typeWords(document, parameter.schema)}</span>
                    {parameter.required === true && <span className="required">required</span>}
                  </dt>
                  <dd>{[parameter.description ?? schema.description, ...limitWords(schema)].filter((text) => text !== undefined).map((text, index) => <span key={index}>{index > 0 && " · "}{withCode(text)}</span>)}</dd>
                </div>
              );
            })}
          </dl>
        </details>
      )}
      {operation.requestBody !== undefined && <ContentView document={document} title="Body" content={operation.requestBody.content} description={operation.requestBody.description} />}
      {success !== undefined && <ContentView document={document} title={`Answer ${success[0]}`} content={success[1].content} description={success[1].description} />}
      <CodeBlock code={curlOf(document, operation, location.origin)} label={`curl for ${operation.summary ?? operation.id}`} />
    </article>
  );
}

function ContentView({ document, title, content, description }: { document: OpenApiDocument; title: string; content: OpenApiContent | undefined; description: string | undefined }) {
  const [mediaType, body] = Object.entries(content ?? {})[0] ?? [];
  const isJson = mediaType === "application/json" && body?.schema !== undefined;
  const words = isJson ? typeWords(document, body.schema) : (mediaType ?? "empty");
  if (!isJson) return <p className="content-line"><span className="content-title">{title}</span> <code>{words}</code> {description !== undefined && <span className="muted">{withCode(description)}</span>}</p>;
  return (
    <details>
      <summary>{title} <span className="muted">{words}</span></summary>
      <SchemaView document={document} schema={body.schema!} />
    </details>
  );
}

/** The path, with its parameters set off. */
function pathParts(path: string) {
  return path.split(/(\{\w+\})/).map((part, index) => (part.startsWith("{") ? <em key={index}>{part}</em> : part));
}
