import { memo, useLayoutEffect, useRef, useState } from "react";
import { useQuery } from "../../data/query.ts";
import type { LogLine } from "../../data/types.ts";
import { formatCount, formatUtc } from "../../format.ts";
import { CopyButton } from "../../parts/copy.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Panel } from "../../parts/panel.tsx";
import { clockText, plainLine } from "./log-text.ts";
import type { RunFeed } from "./run-feed.ts";
import type { FeedStatus } from "./use-run-feed.ts";

const statusWords: Record<FeedStatus, string> = { connecting: "connecting", live: "live", lost: "connection lost, trying again", ended: "the run has ended" };
const streams = { log: "log", stdout: "out", stderr: "err", slipway: "run" } as const;

/** What the run says, as it says it. Who scrolls up pauses the following; at the end of the log it goes on. */
export function RunLog({ feed, step, steps, run }: { feed: RunFeed & { status: FeedStatus }; step: string | null; steps: readonly string[]; run: string }) {
  const query = useQuery();
  const [following, setFollowing] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const lines = step === null ? feed.lines : feed.lines.filter((line) => line.step === step);
  const last = lines.at(-1)?.sequence;
  useLayoutEffect(() => {
    if (following && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [following, last]);
  const onScroll = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    setFollowing(scrollHeight - scrollTop - clientHeight < 24);
  };
  return (
    <Panel
      title="Log" flush
      note={<span className={`log-status log-status-${feed.status}`} role="status">{statusWords[feed.status]}{feed.status === "live" && !following ? ", paused" : ""}</span>}
      actions={
        <>
          <label className="select-label">
            <span className="visually-hidden">Step</span>
            <select className="input input-small" value={step ?? ""} onChange={(event) => query.set({ step: event.target.value }, { replace: true })}>
              <option value="">all steps</option>
              {[...new Set(step === null ? steps : [...steps, step])].map((name) => <option key={name}>{name}</option>)}
            </select>
          </label>
          {feed.status !== "ended" && (
            <button type="button" className="button button-small" aria-pressed={following} onClick={() => setFollowing(!following)}>
              <Icon name={following ? "pause" : "play"} /> {following ? "Pause" : "Follow"}
            </button>
          )}
          <CopyButton text={lines.map((line) => plainLine(line.line)).join("\n")} what="these lines" />
        </>
      }
    >
      <div className="log" ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-label="Log" aria-live="off">
        {feed.dropped > 0 && <p className="log-dropped">{formatCount(feed.dropped)} earlier lines are not shown; all of them: <code>npx slipway workflows logs {run}</code></p>}
        {lines.length === 0 ? <p className="log-none">{feed.status === "ended" ? (step === null ? "It wrote nothing." : "This step wrote nothing.") : "Nothing yet."}</p> : lines.map((line) => <Line key={line.sequence} line={line} named={step === null} />)}
      </div>
    </Panel>
  );
}

const Line = memo(function Line({ line, named }: { line: LogLine; named: boolean }) {
  return (
    <p className={`log-line log-${line.stream}`}>
      <time title={formatUtc(line.time)}>{clockText(line.time)}</time>
      <span className="log-stream">{streams[line.stream]}</span>
      {named && <span className="log-step">{line.step}</span>}
      <span className="log-text">{plainLine(line.line)}</span>
    </p>
  );
});
