import type { ChatRun } from "./chat-run.ts";
import { comparedRuns } from "./compared-runs.ts";

interface Side {
  model: string;
  run: ChatRun;
}

/** What sets both answers apart, in words that are read out as soon as both are there. Stands from the asking on: what is read out must be in a place that was there before. */
export function PlaygroundComparison({ first, second }: { first: Side | undefined; second: Side | undefined }) {
  const sentences = first === undefined || second === undefined ? [] : comparedRuns(first, second);
  return (
    <div role="status" aria-label="Compared" className={sentences.length === 0 ? "visually-hidden" : "panel panel-body"}>
      <ul className="playground-compared">{sentences.map((sentence) => <Sentence key={sentence} text={sentence} />)}</ul>
    </div>
  );
}

/** What is compared stands out. */
function Sentence({ text }: { text: string }) {
  const colon = text.indexOf(": ");
  return <li>{colon < 0 ? text : <><strong>{text.slice(0, colon)}</strong>{text.slice(colon)}</>}</li>;
}
