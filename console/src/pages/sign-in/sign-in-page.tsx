import { useState, type FormEvent } from "react";
import { call, type ApiFailure } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { useQuery } from "../../data/query.ts";
import { changeSession, useSession } from "../../data/session.ts";
import type { NewKey, SessionState } from "../../data/types.ts";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { ShownOnce } from "../../parts/shown-once.tsx";
import { returnPath } from "../../shell/return-path.ts";
import { ThemeToggle } from "../../shell/theme-toggle.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { codeInAddress, signInWords } from "./sign-in-words.ts";

/** The door: by a key, by the identity provider, or, on a server without an admin, by the token of its log. */
export function SignInPage() {
  usePageTitle("Sign in");
  const session = useSession().data;
  const query = useQuery();
  const code = codeInAddress(query.get("error"));
  const [made, setMade] = useState<NewKey | null>(null);
  if (session === undefined) return null;
  const oidc = session.signIn.oidc;
  return (
    <div className="sign-in">
      <main className="sign-in-card panel">
        <header className="sign-in-header">
          <h1>{made !== null ? "You are the admin" : session.setupOpen ? "Set this server up" : "Sign in to Slipway"}</h1>
          <ThemeToggle />
        </header>
        {code !== null && made === null && (
          <p className="error-box" role="alert">
            <span>{signInWords(code) ?? "The sign-in failed."} <code className="error-code">{code}</code></span>
          </p>
        )}
        {made !== null ? (
          <FirstKey made={made} />
        ) : session.setupOpen ? (
          <>
            <SetupForm onMade={setMade} />
            <details>
              <summary>Sign in with a key instead</summary>
              <KeyForm />
            </details>
          </>
        ) : (
          <>
            {oidc !== null && (
              <>
                <a className="button button-primary" href={`/api/session/oidc/start?returnTo=${encodeURIComponent(returnPath(query.get("returnTo")))}`}>Sign in with {oidc.name}</a>
                <p className="sign-in-or muted"><span>or with a key</span></p>
              </>
            )}
            <KeyForm primary={oidc === null} />
            <p className="muted small">No key? Whoever runs this server can make one: <code>slipway keys create NAME --role viewer</code></p>
          </>
        )}
      </main>
    </div>
  );
}

function KeyForm({ primary = true }: { primary?: boolean }) {
  const [key, setKey] = useState("");
  const [empty, setEmpty] = useState(false);
  const action = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const text = key.trim();
    setEmpty(text === "");
    if (text !== "") action.run(() => call<SessionState>("/api/session", { method: "POST", body: JSON.stringify({ key: text }) }), changeSession);
  };
  return (
    <form onSubmit={submit} className="sign-in-form" aria-label="Sign in with a key">
      <Field label="API key" problem={empty ? "Paste a key; it starts with slk_." : undefined} hint="It is sent once and kept nowhere; a session of 12 hours takes its place.">
        {(control) => <input {...control} className="input" type="password" autoComplete="current-password" placeholder="slk_…" autoFocus spellCheck={false} value={key} onChange={(event) => setKey(event.target.value)} />}
      </Field>
      {action.error !== null && <Refusal error={action.error} />}
      <button type="submit" className={primary ? "button button-primary" : "button"} disabled={action.busy}>{action.busy ? "Signing in…" : "Sign in"}</button>
    </form>
  );
}

function SetupForm({ onMade }: { onMade: (key: NewKey) => void }) {
  const [token, setToken] = useState("");
  const [name, setName] = useState("");
  const action = useAction();
  const problems = Object.fromEntries((action.error?.problems ?? []).map(({ path, message }) => [path, message]));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    action.run(() => call<{ key: NewKey }>("/api/setup", { method: "POST", body: JSON.stringify({ token: token.trim(), name: name.trim() }) }), ({ key }) => onMade(key));
  };
  return (
    <form onSubmit={submit} className="sign-in-form" aria-label="Set this server up">
      <p>Nobody administers this server yet. It has written a set-up token to its log; who can read that may make the first key, which may do everything.</p>
      <Field label="Set-up token" problem={problems.token} hint="From the server's standard error; it works once, and for an hour.">
        {(control) => <input {...control} className="input" type="password" autoComplete="off" autoFocus spellCheck={false} required value={token} onChange={(event) => setToken(event.target.value)} />}
      </Field>
      <Field label="Your name" problem={problems.name} hint="The key is known by it in lists and in the audit log.">
        {(control) => <input {...control} className="input" autoComplete="name" required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      {action.error !== null && <Refusal error={action.error} />}
      <button type="submit" className="button button-primary" disabled={action.busy}>{action.busy ? "Making the key…" : "Make the admin key"}</button>
    </form>
  );
}

function FirstKey({ made }: { made: NewKey }) {
  const action = useAction();
  return (
    <div className="sign-in-form">
      <ShownOnce secret={made.key} what="key" />
      <p className="muted small">Keep it where you keep passwords. It signs you in here and, as <code>SLIPWAY_API_KEY</code>, lets the commands in.</p>
      {action.error !== null && <Refusal error={action.error} />}
      <button type="button" className="button button-primary" disabled={action.busy} onClick={() => action.run(() => call<SessionState>("/api/session", { method: "POST", body: JSON.stringify({ key: made.key }) }), changeSession)}>
        I have kept it: sign in
      </button>
    </div>
  );
}

function Refusal({ error }: { error: ApiFailure }) {
  const words = signInWords(error.code);
  if (words === null) return <ErrorBox error={error} />;
  return (
    <p className="error-box" role="alert">
      <span>{words} <code className="error-code">{error.code}</code></span>
    </p>
  );
}
