import { call } from "../data/api.ts";
import { useAction } from "../data/action.ts";
import { changeSession, useRights, useSession } from "../data/session.ts";
import type { SessionState } from "../data/types.ts";

/** Who the reader is here, what they may do, and the way out. */
export function SessionNote() {
  const session = useSession().data;
  const { words } = useRights();
  const action = useAction();
  if (session?.caller === undefined || session.caller === null) return null;
  if (session.mode === "open") return <p className="session-note muted small" title="This server listens on this machine alone and asks nobody for a key: who reaches it is an admin">open on this machine</p>;
  const { name, actor } = session.caller;
  return (
    <section className="session-note" aria-label="Session">
      <div className="session-line">
        <strong title={actor}>{name}</strong>
        <button type="button" className="link-button" disabled={action.busy} onClick={() => action.run(() => call<SessionState>("/api/session", { method: "DELETE" }), changeSession)}>
          Sign out
        </button>
      </div>
      <ul className="muted small">
        {words.slice(0, 3).map((grant) => <li key={grant}>{grant}</li>)}
        {words.length > 3 && <li title={words.slice(3).join("\n")}>and {words.length - 3} more</li>}
      </ul>
      {action.error !== null && <p className="field-problem" role="alert">{action.error.message}</p>}
    </section>
  );
}
