import { useMemo } from "react";
import { Link } from "wouter";
import { absent, formatCount, formatMs, plural } from "../../format.ts";
import { Chip, type Tone } from "../../parts/chip.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { MarkdownText } from "../../parts/markdown/markdown-text.tsx";
import { readMarkdown } from "../../parts/markdown/read-markdown.ts";
import { Panel } from "../../parts/panel.tsx";
import { formatNano } from "../costs/money.ts";
import type { ChatRun } from "./chat-run.ts";

const stateTones: Record<ChatRun["state"], Tone> = { running: "accent", done: "good", failed: "bad", stopped: "neutral" };

const cacheTitles: Partial<Record<string, string>> = {
  hit: "The same was asked before: this is the answer of then", semantic: "Something of the same meaning was asked before: this is the answer of then", miss: "The model was asked, and its answer is kept",
  bypass: "The request asked for a fresh answer, with Cache-Control: no-cache; a browser whose developer tools turn its cache off does so too",
};

/** Marks what was counted here, since the provider told nothing. */
function about(isEstimate: boolean | undefined, words: string): string {
  return isEstimate === true ? `≈ ${words}` : words;
}

/** One side's answer as it comes, and what it took. */
export function PlaygroundAnswer({ name, model, run }: { name: string; model: string; run: ChatRun }) {
  // What is still coming is not read again for each piece.
  const blocks = useMemo(() => (run.state === "running" ? null : readMarkdown(run.text)), [run.state, run.text]);
  const facts: [string, string][] = [
    ["First token", formatMs(run.firstMs)],
    ["Total", formatMs(run.totalMs)],
    ["Tokens in", about(run.usage?.isEstimate, formatCount(run.usage?.input))],
    ["Tokens out", about(run.usage?.isEstimate, formatCount(run.usage?.output))],
    ["Cost", run.cost !== null ? about(run.estimated, formatNano(run.cost)) : run.unpriced ? "no price" : absent],
  ];
  return (
    <Panel title={<span className="mono">{model}</span>} note={run.target === null || run.target === model ? undefined : `answered by ${run.target}`} actions={<Chip tone={stateTones[run.state]}>{run.state}</Chip>}>
      <div className={`playground-text ${run.error !== null && run.text === "" ? "playground-text-none" : ""}`} role="log" aria-label={`${name} answer`} aria-busy={run.state === "running"}>
        {run.reasoning !== "" && <details className="playground-reasoning"><summary>Reasoning</summary><p>{run.reasoning}</p></details>}
        {blocks === null ? run.text : <MarkdownText blocks={blocks} />}
        {run.tools.length > 0 && <p className="muted">Calls {run.tools.join(", ")}</p>}
        {run.text === "" && run.tools.length === 0 && run.error === null && <span className="muted">{run.state === "running" ? "Waiting for the first token…" : "An answer without text."}</span>}
      </div>
      {run.error !== null && <ErrorBox error={run.error}>{run.error.code === "BUDGET_EXCEEDED" && <p><Link href="/costs">Budgets, and what was spent</Link></p>}</ErrorBox>}
      <dl className="playground-facts">
        {facts.map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{value}</dd></div>)}
      </dl>
      <p className="facts">
        {run.trace !== null && <Link href={`/traces/${run.trace}`}>Trace</Link>}
        {run.cache !== null && <Chip tone="neutral" title={cacheTitles[run.cache]}>cache: {run.cache}</Chip>}
        {run.attempts > 1 && <Chip tone="warning">{plural(run.attempts, "attempt")}</Chip>}
        {run.finish !== null && run.finish !== "stop" && <Chip tone={run.finish === "length" ? "warning" : "neutral"}>ended: {run.finish}</Chip>}
      </p>
    </Panel>
  );
}
