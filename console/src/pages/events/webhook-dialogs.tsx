import { useState, type FormEvent } from "react";
import { call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { invalidate, useResource } from "../../data/resource.ts";
import { useRights } from "../../data/session.ts";
import type { Team, WebhookWithSecret } from "../../data/types.ts";
import { CodeBlock } from "../../parts/copy.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { ShownOnce } from "../../parts/shown-once.tsx";
import { eventTypes } from "./event-words.ts";
import { webhookFormats } from "./webhook-format.tsx";

const verifying = [
  {
    id: "typescript", label: "TypeScript",
    code: ['import { Webhook } from "standardwebhooks";', "", "// The body as it came, before anything parses it.", "const event = new Webhook(process.env.SLIPWAY_WEBHOOK_SECRET).verify(body, headers);"].join("\n"),
  },
  {
    id: "python", label: "Python",
    code: ["from standardwebhooks import Webhook", "", "# The body as it came, before anything parses it.", 'event = Webhook(os.environ["SLIPWAY_WEBHOOK_SECRET"]).verify(body, headers)'].join("\n"),
  },
];

/** Receivers of the format have their own way, which is not in the libraries above. */
const verifyingMlflow = [
  {
    id: "python", label: "Python",
    code: [
      "import base64, hashlib, hmac", "", "# The body as it came, as text.",
      'signed = f\'{headers["X-MLflow-Delivery-Id"]}.{headers["X-MLflow-Timestamp"]}.{body}\'',
      'digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()',
      'assert hmac.compare_digest("v1," + base64.b64encode(digest).decode(), headers["X-MLflow-Signature"])',
    ].join("\n"),
  },
];

/** Asks where events go and which; then shows the secret, once. */
export function CreateWebhookDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<WebhookWithSecret | null>(null);
  return made === null ? (
    <Dialog title="Add a webhook" onClose={onClose}>
      <WebhookForm onMade={setMade} onClose={onClose} />
    </Dialog>
  ) : (
    <SecretDialog webhook={made} onClose={onClose} />
  );
}

/** The secret of a webhook in the one moment in which it can be read. Only its button closes it. */
export function SecretDialog({ webhook, onClose }: { webhook: WebhookWithSecret; onClose: () => void }) {
  const [language, setLanguage] = useState("typescript");
  const snippets = webhook.format === "mlflow" ? verifyingMlflow : verifying;
  const snippet = snippets.find(({ id }) => id === language) ?? snippets[0]!;
  return (
    <Dialog key="secret" title={`The secret of ${webhook.name}`} onClose={() => undefined} className="dialog-wide">
      <ShownOnce secret={webhook.secret} what="secret" />
      <p>With it the receiver checks that an event comes from here and was not sent before:</p>
      <div className="toolbar"><Segmented label="Language" value={snippet.id} options={snippets} onChange={setLanguage} /></div>
      <CodeBlock code={snippet.code} label={snippet.label} />
      <div className="dialog-actions">
        <button type="button" className="button button-primary" onClick={onClose}>I have kept it</button>
      </div>
    </Dialog>
  );
}

function WebhookForm({ onMade, onClose }: { onMade: (webhook: WebhookWithSecret) => void; onClose: () => void }) {
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [description, setDescription] = useState("");
  const [format, setFormat] = useState<string>(webhookFormats[0].id);
  const [types, setTypes] = useState<readonly string[]>([]);
  const [chosenTeam, setTeam] = useState<string | null>(null);
  const rights = useRights();
  const teams = useResource<{ teams: Team[] }>("/api/teams").data?.teams ?? [];
  const action = useAction();
  const team = chosenTeam ?? teams.find((entry) => entry.name === "default")?.name ?? teams[0]?.name ?? "default";
  const problems = Object.fromEntries((action.error?.problems ?? []).map((problem) => [problem.path, problem.message]));
  const toggle = (pattern: string, on: boolean): void => setTypes(on ? [...types, pattern] : types.filter((entry) => entry !== pattern));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    // A whole group says what its single types say.
    const wanted = types.filter((type) => !eventTypes.some(({ pattern, types: inner }) => types.includes(pattern) && (inner as readonly string[]).includes(type)));
    const body = JSON.stringify({ name: name.trim(), url: url.trim(), types: wanted.length === 0 ? ["*"] : wanted, team, format, description: description.trim() });
    action.run(() => call<WebhookWithSecret>("/api/webhooks", { method: "POST", body }), (webhook) => {
      invalidate((key) => key === "/api/webhooks");
      onMade(webhook);
    });
  };
  return (
    <form onSubmit={submit} className="dialog-form">
      <Field label="Name" problem={problems.name}>{(control) => <input {...control} className="input" autoFocus autoComplete="off" required maxLength={100} placeholder="such as: chat" value={name} onChange={(event) => setName(event.target.value)} />}</Field>
      <Field label="URL" problem={problems.url} hint="https and public, or a host that the setting egressAllowed names.">
        {(control) => <input {...control} className="input" type="url" autoComplete="off" spellCheck={false} required maxLength={2000} placeholder="https://example.com/hooks/slipway" value={url} onChange={(event) => setUrl(event.target.value)} />}
      </Field>
      <Field label="Description" hint="What it is for, for those who find it later.">
        {(control) => <input {...control} className="input" autoComplete="off" maxLength={1000} value={description} onChange={(event) => setDescription(event.target.value)} />}
      </Field>
      <Field label="Format" problem={problems.format} hint={webhookFormats.find(({ id }) => id === format)?.note}>
        {(control) => (
          <select {...control} className="input" value={format} onChange={(event) => setFormat(event.target.value)}>
            {webhookFormats.map(({ id, label }) => <option key={id} value={id}>{label}</option>)}
          </select>
        )}
      </Field>
      <Field label="Team" hint="Whose events are sent.">
        {(control) => (
          <select {...control} className="input" value={team} onChange={(event) => setTeam(event.target.value)}>
            {rights.onServer("admin") && <option value="*">all teams</option>}
            {[...new Set([...teams.map((entry) => entry.name), ...(team === "*" ? [] : [team])])].map((entry) => <option key={entry}>{entry}</option>)}
          </select>
        )}
      </Field>
      <fieldset className="check-list">
        <legend className="field-label">Events</legend>
        <div className="check-groups">
          {eventTypes.map(({ pattern, types: inner }) => (
            <div key={pattern}>
              <label><input type="checkbox" checked={types.includes(pattern)} onChange={(event) => toggle(pattern, event.target.checked)} /> <strong>{pattern}</strong></label>
              {inner.map((type) => (
                <label key={type}><input type="checkbox" checked={types.includes(pattern) || types.includes(type)} disabled={types.includes(pattern)} onChange={(event) => toggle(type, event.target.checked)} /> {type}</label>
              ))}
            </div>
          ))}
        </div>
        <span className="field-hint">{types.length === 0 ? "None ticked: all, also those that come with later versions." : "Only these."}</span>
      </fieldset>
      {action.error !== null && <ErrorBox error={action.error} />}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <button type="submit" className="button button-primary" disabled={action.busy}>{action.busy ? "Adding…" : "Add the webhook"}</button>
      </div>
    </form>
  );
}
