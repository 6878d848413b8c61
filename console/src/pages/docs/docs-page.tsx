import { useEffect, useMemo } from "react";
import { useOpenApi, type OpenApiDocument } from "../../data/open-api.ts";
import { useQuery } from "../../data/query.ts";
import { formatCount, plural } from "../../format.ts";
import { withCode } from "../../parts/error-box.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { matchesOperation, operationsByTag } from "./reference.ts";
import { OperationView } from "./operation-view.tsx";

export function DocsPage() {
  usePageTitle("API reference");
  const openApi = useOpenApi();
  return (
    <div className="page">
      <header className="page-header">
        <h1>API reference</h1>
      </header>
      <ResourceView resource={openApi} lines={10}>
        {(document) => <Reference document={document} />}
      </ResourceView>
    </div>
  );
}

function Reference({ document: api }: { document: OpenApiDocument }) {
  const query = useQuery();
  const text = query.get("q") ?? "";
  const groups = useMemo(() => operationsByTag(api), [api]);
  const shown = [...groups].map(([tag, operations]) => ({ tag, operations: operations.filter((operation) => matchesOperation(operation, text)) })).filter(({ operations }) => operations.length > 0);
  const count = shown.reduce((sum, { operations }) => sum + operations.length, 0);

  // The browser looks for the fragment before the reference is there.
  useEffect(() => {
    const id = decodeURIComponent(location.hash.slice(1));
    if (id !== "") document.getElementById(id)?.scrollIntoView();
  }, []);

  return (
    <>
      <p className="page-description">
        {withCode(api.info?.description ?? "Everything that this server answers.")} The same as <a href="/openapi.json">OpenAPI 3.1</a>, version {api.info?.version}.
      </p>
      <div className="toolbar">
        <input type="search" className="input input-wide" aria-label="Search the reference" placeholder="Path, method or what it does" value={text} onChange={(event) => query.set({ q: event.target.value }, { replace: true })} />
        <span className="toolbar-note" role="status">{text === "" ? plural(count, "route") : `${formatCount(count)} found`}</span>
      </div>
      <div className="reference">
        <nav aria-label="Routes" className="reference-index">
          {shown.map(({ tag, operations }) => (
            <div key={tag}>
              <h2>{tag}</h2>
              <ul>
                {operations.map((operation) => (
                  <li key={operation.id}>
                    <a href={`#${operation.id}`} title={`${operation.method} ${operation.path}\n${operation.summary ?? ""}`}>
                      <span className={`method method-${operation.method.toLowerCase()}`}>{operation.method}</span>
                      <span>{(operation.summary ?? operation.path).replaceAll("`", "")}</span>
                    </a>
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </nav>
        <div className="reference-body">
          {shown.map(({ tag, operations }) => (
            <section key={tag} aria-label={tag}>
              <h2>{tag}</h2>
              {operations.map((operation) => <OperationView key={operation.id} document={api} operation={operation} />)}
            </section>
          ))}
          {count === 0 && <p className="table-none">No route matches. Try fewer words.</p>}
        </div>
      </div>
    </>
  );
}
