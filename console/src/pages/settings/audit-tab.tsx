import { useState } from "react";
import { call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { useActorWords, useNamedKeys } from "../../data/key-names.ts";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import type { AuditRecord } from "../../data/types.ts";
import { formatCount, plural } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { CopyButton, IdText } from "../../parts/copy.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { FilterInput } from "../../parts/filter-input.tsx";
import { Pager } from "../../parts/pager.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { Time } from "../../parts/time.tsx";
import { objectWords } from "../events/event-words.ts";
import { headText, parseHead, type ChainHead } from "./chain-head.ts";

const pageSize = 100;
const filters = ["actor", "action", "object"] as const;
const placeholders = { actor: "actor, such as local", action: "action, such as createKey", object: "object, such as model:NAME" };
const resultTones = { allowed: "neutral", denied: "bad", failed: "warning" } as const;

interface AuditPage {
  entries: AuditRecord[];
  head: ChainHead;
}

export function AuditTab() {
  const query = useQuery();
  const before = query.get("before");
  const parameters = new URLSearchParams({ limit: String(pageSize) });
  for (const name of [...filters, "result", "before"]) {
    const value = query.get(name);
    if (value !== null) parameters.set(name, value);
  }
  const audit = useResource<AuditPage>(`/api/audit?${parameters}`, before === null ? { refreshMs: 10_000 } : {});
  const filtered = [...filters, "result"].some((name) => query.get(name) !== null);
  const entries = audit.data?.entries ?? [];
  const keys = useNamedKeys().map(({ id, name }) => ({ value: `key:${id}`, label: name }));
  return (
    <>
      <Chain head={audit.data?.head} />
      <div className="toolbar">
        {filters.map((name) => <FilterInput key={name} label={`Filter by ${name}`} placeholder={placeholders[name]} value={query.get(name) ?? ""} {...(name === "actor" && { options: keys })} onChange={(value) => query.set({ [name]: value, before: null })} />)}
        <Segmented
          label="Result" value={query.get("result") ?? ""} options={[{ id: "", label: "All" }, { id: "allowed", label: "Allowed" }, { id: "denied", label: "Denied" }, { id: "failed", label: "Failed" }]}
          onChange={(id) => query.set({ result: id, before: null })}
        />
      </div>
      <ResourceView resource={audit} lines={12}>
        {() => (entries.length === 0 ? <NoEntries filtered={filtered} paged={before !== null} /> : <AuditTable entries={entries} />)}
      </ResourceView>
      <Pager older={entries.length === pageSize ? entries.at(-1)!.sequence : null} />
    </>
  );
}

interface Verification {
  entries: number;
  head: ChainHead;
  broken: { sequence: number; reason: string } | null;
}

/** The end of the chain, and whether all before it is as it was written. */
function Chain({ head }: { head: ChainHead | undefined }) {
  const query = useQuery();
  const action = useAction();
  const [result, setResult] = useState<Verification | null>(null);
  const [earlier, setEarlier] = useState("");
  const expected = parseHead(earlier);
  const verify = (): void => {
    setResult(null);
    const suffix = expected === null ? "" : `?sequence=${expected.sequence}&hash=${encodeURIComponent(expected.hash)}`;
    action.run(() => call<Verification>(`/api/audit/verify${suffix}`), setResult);
  };
  const open = query.get("verify") !== null;
  return (
    <section className="panel chain" aria-label="Chain">
      <div className="chain-head">
        <div>
          <h2>Chain head</h2>
          {head === undefined ? <span className="muted">…</span> : (
            <span className="digest"><code>{head.sequence}:{head.hash.slice(0, 16)}…</code><CopyButton text={headText(head)} what="head of the chain" /></span>
          )}
        </div>
        <div className="chain-actions">
          {!open && <button type="button" className="link-button" onClick={() => query.set({ verify: "1" }, { replace: true })}>against an earlier head</button>}
          <button type="button" className="button button-primary" disabled={action.busy || (earlier.trim() !== "" && expected === null)} onClick={verify}>{action.busy ? "Reading the whole chain…" : "Verify"}</button>
        </div>
      </div>
      {open && (
        <div className="field">
          <label className="field-label" htmlFor="earlier-head">Earlier head</label>
          <input id="earlier-head" className="input" spellCheck={false} autoComplete="off" placeholder="SEQUENCE:HASH, as it was copied here before" value={earlier} aria-invalid={earlier.trim() !== "" && expected === null} onChange={(event) => setEarlier(event.target.value)} />
          <span className="field-hint">
            {earlier.trim() !== "" && expected === null ? "A number, a colon and a hash." : "Each line holds the hash of the one before. Who keeps the head elsewhere can show later that nothing before it was changed, taken out or cut off."}
          </span>
        </div>
      )}
      {action.error !== null && <ErrorBox error={action.error} />}
      {result !== null && <Outcome result={result} expected={expected} />}
    </section>
  );
}

function Outcome({ result, expected }: { result: Verification; expected: ChainHead | null }) {
  const whole = result.broken === null;
  return (
    <div className={whole ? "verdict verdict-good" : "verdict verdict-bad"} role="status">
      <span className="verdict-bar" aria-hidden="true"><span style={{ width: `${whole || result.head.sequence === 0 ? 100 : (100 * Math.min(result.entries, result.head.sequence)) / result.head.sequence}%` }} /></span>
      {result.broken === null ? (
        <p><strong>Unbroken.</strong> {plural(result.entries, "entry is", "entries are")} as written{expected !== null && `, and the earlier head at ${formatCount(expected.sequence)} is in the chain`}.</p>
      ) : (
        <p><strong>Broken at {formatCount(result.broken.sequence)}.</strong> {result.broken.reason} The {plural(result.entries, "entry", "entries")} before hold.</p>
      )}
    </div>
  );
}

function AuditTable({ entries }: { entries: readonly AuditRecord[] }) {
  const query = useQuery();
  const open = query.get("entry");
  const nameOf = useActorWords(entries.flatMap(({ actor, object }) => [actor, object]));
  return (
    <div className="panel panel-table">
      <table className="table table-cards table-aligned audit-table">
        <thead>
          <tr><th scope="col" className="numeric">#</th><th scope="col">Time</th><th scope="col">Actor</th><th scope="col">Action</th><th scope="col">Object</th><th scope="col">Result</th><td /></tr>
        </thead>
        <tbody>
          {entries.map((entry) => {
            const isOpen = open === String(entry.sequence);
            return [
              <tr key={entry.sequence}>
                <th scope="row" className="numeric">{entry.sequence}</th>
                <td data-label="Time" className="nowrap"><Time at={entry.time} /></td>
                <td data-label="Actor"><FilterButton name="actor" value={entry.actor} words={nameOf(entry.actor)} /></td>
                <td data-label="Action"><FilterButton name="action" value={entry.action} /></td>
                <td data-label="Object">{entry.object === "" ? <span className="muted">server</span> : <FilterButton name="object" value={entry.object} words={objectWords(entry.object, nameOf)} />}</td>
                <td data-label="Result"><Chip tone={resultTones[entry.result]}>{entry.result}</Chip></td>
                <td className="cell-actions">
                  <button type="button" className="link-button" aria-expanded={isOpen} aria-label={`Details of ${entry.sequence}`} onClick={() => query.set({ entry: isOpen ? null : String(entry.sequence) }, { replace: true })}>{isOpen ? "less" : "more"}</button>
                </td>
              </tr>,
              isOpen && (
                <tr key="detail" className="row-detail">
                  <td colSpan={7}>
                    <dl className="properties">
                      {nameOf(entry.actor) !== entry.actor && <div><dt>Actor</dt><dd>{nameOf(entry.actor)}, <IdText id={entry.actor} what="actor" /></dd></div>}
                      {objectWords(entry.object, nameOf) !== entry.object && <div><dt>Object</dt><dd>{objectWords(entry.object, nameOf)}, <IdText id={entry.object} what="object" /></dd></div>}
                      <div><dt>Detail</dt><dd><pre className="json">{JSON.stringify(entry.detail, null, 2)}</pre></dd></div>
                      <div><dt>Request</dt><dd><code>{entry.requestId === "" ? "none" : entry.requestId}</code></dd></div>
                      <div><dt>Hash</dt><dd><code>{entry.hash}</code></dd></div>
                    </dl>
                  </td>
                </tr>
              ),
            ];
          })}
        </tbody>
      </table>
    </div>
  );
}

/** A value that narrows the list to itself, as people call it. */
function FilterButton({ name, value, words = value }: { name: string; value: string; words?: string }) {
  const query = useQuery();
  return <button type="button" className="value-button" title={`Only ${name} ${value}`} onClick={() => query.set({ [name]: value, before: null })}>{words}</button>;
}

function NoEntries({ filtered, paged }: { filtered: boolean; paged: boolean }) {
  if (paged) return <EmptyState title="That was the oldest one" />;
  if (filtered) return <EmptyState title="No entry matches"><p>Actor, action and object are compared as a whole: click one in the list to filter by it.</p></EmptyState>;
  return <EmptyState title="Nothing was done yet" command="npx slipway audit list"><p>Every change, and every attempt that was refused, is written here before it is answered.</p></EmptyState>;
}
