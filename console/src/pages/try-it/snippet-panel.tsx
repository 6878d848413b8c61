import { useQuery } from "../../data/query.ts";
import { CodeBlock } from "../../parts/copy.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { curlSnippet, pythonSnippet, typescriptSnippet, type SnippetRequest } from "./snippets.ts";

const languages = [
  { id: "curl", label: "curl", write: curlSnippet },
  { id: "python", label: "Python", write: pythonSnippet },
  { id: "typescript", label: "TypeScript", write: typescriptSnippet },
] as const;

/** The same request from the caller's own code. */
export function SnippetPanel({ request }: { request: SnippetRequest }) {
  const query = useQuery();
  const language = languages.find(({ id }) => id === query.get("code")) ?? languages[0];
  return (
    <Panel title="The same from code" actions={<Segmented label="Language" value={language.id} options={languages} onChange={(id) => query.set({ code: id === "curl" ? null : id }, { replace: true })} />}>
      <CodeBlock code={language.write(request)} label={language.label} />
      {language.id === "python" && <p className="muted small">pip install tritonclient[http]</p>}
    </Panel>
  );
}
