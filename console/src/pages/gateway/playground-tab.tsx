import { useEffect, useRef, useState, type FormEvent } from "react";
import { useQuery } from "../../data/query.ts";
import { random } from "../../random.ts";
import { Field } from "../../parts/field.tsx";
import { CodeBlock } from "../../parts/copy.tsx";
import { StaleNote } from "../../parts/error-box.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { runChat, type ChatPrompt, type ChatRun } from "./chat-run.ts";
import { callSnippets } from "./call-snippets.ts";
import { numberOf } from "./form-numbers.ts";
import { useCallable } from "./gateway-data.ts";
import { PlaygroundAnswer } from "./playground-answer.tsx";
import { PlaygroundComparison } from "./playground-comparison.tsx";

const sides = ["a", "b"] as const;
type Side = (typeof sides)[number];
const sideWords: Record<Side, string> = { a: "First", b: "Second" };

/** One prompt, two routes or models side by side. Which ones stands in the address; the prompt does not. */
export function PlaygroundTab() {
  const query = useQuery();
  const callable = useCallable();
  const names = callable.data?.data.map(({ id }) => id) ?? [];
  const usual = names[0] ?? "echo/echo";
  const models: Record<Side, string> = { a: query.get("a") ?? usual, b: query.get("b") ?? names[1] ?? usual };
  const [prompt, setPrompt] = useState({ system: "", user: "", temperature: "", maxTokens: "" });
  const [runs, setRuns] = useState<Partial<Record<Side, { model: string; run: ChatRun }>>>({});
  const [language, setLanguage] = useState("curl");
  const session = useRef(`playground-${random().toString(36).slice(2, 12)}`);
  const asked = useRef<AbortController | null>(null);
  useEffect(() => () => asked.current?.abort(), []);

  const numbers: Pick<ChatPrompt, "temperature" | "maxTokens"> = { temperature: numberOf(prompt.temperature) ?? null, maxTokens: numberOf(prompt.maxTokens) ?? null };
  const temperatureProblem = Number.isNaN(numbers.temperature) || (numbers.temperature ?? 0) < 0 ? "A number from 0 on." : undefined;
  const maxTokensProblem = numbers.maxTokens !== null && !(Number.isInteger(numbers.maxTokens) && numbers.maxTokens > 0) ? "A whole number from 1 on." : undefined;
  const isRunning = sides.some((side) => runs[side]?.run.state === "running");
  const ask = (event: FormEvent): void => {
    event.preventDefault();
    if (prompt.user.trim() === "" || temperatureProblem !== undefined || maxTokensProblem !== undefined) return;
    asked.current?.abort();
    const controller = (asked.current = new AbortController());
    setRuns({});
    for (const side of sides) {
      const model = models[side].trim();
      const show = (run: ChatRun): void => {
        // An answer to an earlier prompt is nobody's any more.
        if (asked.current === controller) setRuns((before) => ({ ...before, [side]: { model, run } }));
      };
      void runChat({ model, prompt: { system: prompt.system, user: prompt.user, ...numbers }, session: session.current, signal: controller.signal, show });
    }
  };
  const type = (field: keyof typeof prompt) => (event: { target: { value: string } }) => setPrompt((before) => ({ ...before, [field]: event.target.value }));
  const snippets = callSnippets(models.a, location.origin);
  const snippet = snippets.find(({ id }) => id === language) ?? snippets[0]!;
  return (
    <>
      <form className="panel panel-body dialog-form" onSubmit={ask} aria-label="Prompt">
        <div className="form-grid form-grid-two">
          {sides.map((side) => (
            <Field key={side} label={`${sideWords[side]} route or model`} hint={side === "a" ? "A route, or PROVIDER/MODEL." : "To compare with: it is asked the same at the same time."}>
              {(control) => <input {...control} className="input mono" list="callable-names" autoComplete="off" spellCheck={false} required value={models[side]} onChange={(event) => query.set({ a: models.a, b: models.b, [side]: event.target.value }, { replace: true })} />}
            </Field>
          ))}
        </div>
        {callable.error !== undefined && <StaleNote error={callable.error} retry={callable.reload}>{callable.data === undefined ? "No names can be offered" : "The names that are offered are not fresh"}</StaleNote>}
        <datalist id="callable-names">{names.map((name) => <option key={name} value={name} />)}</datalist>
        <Field label="System" hint="Sent to both; a prompt that a route has of its own stands before it.">{(control) => <textarea {...control} className="input code-input" rows={2} placeholder="none" value={prompt.system} onChange={type("system")} />}</Field>
        <Field label="User">{(control) => <textarea {...control} className="input code-input" rows={4} required placeholder="Ask both the same" value={prompt.user} onChange={type("user")} />}</Field>
        <div className="playground-line">
          <Field label="Temperature" problem={temperatureProblem}>{(control) => <input {...control} className="input" inputMode="decimal" autoComplete="off" placeholder="the model's own" value={prompt.temperature} onChange={type("temperature")} />}</Field>
          <Field label="Max tokens" problem={maxTokensProblem}>{(control) => <input {...control} className="input" inputMode="numeric" autoComplete="off" placeholder="no end of its own" value={prompt.maxTokens} onChange={type("maxTokens")} />}</Field>
          <div className="playground-actions">
            {isRunning && <button type="button" className="button" onClick={() => asked.current?.abort()}>Stop</button>}
            <button type="submit" className="button button-primary" disabled={isRunning || prompt.user.trim() === ""}>{isRunning ? "Answering…" : "Ask both"}</button>
          </div>
        </div>
      </form>
      {runs.a === undefined && runs.b === undefined ? (
        <section className="playground-start" aria-label="From your own program">
          <div className="toolbar"><h2>The same from your own program</h2><span className="toolbar-end"><Segmented label="Language" value={snippet.id} options={snippets} onChange={setLanguage} /></span></div>
          <CodeBlock code={snippet.code} label={snippet.label} />
        </section>
      ) : (
        <>
          <PlaygroundComparison first={runs.a} second={runs.b} />
          <div className="columns">
            {sides.map((side) => runs[side] !== undefined && <PlaygroundAnswer key={side} name={sideWords[side]} model={runs[side].model} run={runs[side].run} />)}
          </div>
        </>
      )}
    </>
  );
}
